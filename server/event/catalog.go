package event

// FromServer returns a zero value of every event that the server sends.
func FromServer() []Event {
	return []Event{
		// Sockets, about the connection or a room that it is in.
		Welcome{}, Joined{}, Role{}, Refused{}, Left{}, Pong{}, Sent{}, Unsent{}, Done{}, Failed{}, Status{}, Read{},
		// Everybody in a room.
		Message{}, MessageChanged{}, SystemMessage{}, Typing{}, ThreadTyping{}, Presence{}, Storage{},
		// Streams of server-sent events.
		Connected{}, RoomConnected{}, Notification{}, Counts{},
	}
}

// FromClient returns a zero value of every event that a native client sends.
func FromClient() []Event {
	return []Event{
		Hello{}, Join{}, Leave{}, Active{}, Watch{}, Unwatch{}, Ping{},
		Send{}, SetTyping{}, Edit{}, Delete{}, React{}, MarkRead{},
	}
}
