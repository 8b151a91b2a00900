package event

// Subscribed answers a Hocuspocus client's stateless message
// {"weft":"subscribe"}: from now on the client gets the room's events. It is a
// stateless message itself and no event: {"weft":"subscribed", …} with the
// members of Joined.
type Subscribed struct {
	Weft string `json:"weft"` // always "subscribed"
	Joined
}

// Unknown answers a Hocuspocus client's stateless message whose "weft" is
// neither "subscribe" nor "unsubscribe".
type Unknown struct {
	Weft   string `json:"weft"` // always "unknown"
	Detail string `json:"detail"`
}
