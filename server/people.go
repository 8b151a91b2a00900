package server

import (
	"weft/presence"
	"weft/presence/redis"
	"weft/server/store"
)

// tracker knows who is here: on this node, or with Redis on all.
func (s *Server) tracker() (presence.Tracker, error) {
	if s.config.Redis == "" {
		return presence.NewMemory(presence.MemoryOptions{}), nil
	}
	shared, err := redis.New(redis.Options{
		URL: s.config.Redis, Log: s.config.Log, OnTyping: s.typing.ReceiveRemote,
		Grace: s.config.grace, Lease: s.config.lease,
		// Readers are in a room without being present, and so is who follows its
		// events over HTTP.
		KeepMirror: func(room string) bool {
			_, open := s.hub.Loaded(store.RoomID(room))
			return open || s.live.Has(store.RoomID(room))
		},
	})
	if err == nil {
		s.typing.SetPublisher(shared.PublishTyping)
	}
	return shared, err
}

// degraded names the parts that go on without what they share with other nodes.
func (s *Server) degraded() (parts []string) {
	if people, ok := s.people.(*redis.Tracker); ok && people.Degraded() {
		parts = append(parts, "presence")
	}
	return parts
}
