package problem

import (
	"context"
	"net/http"
	"time"

	"weft/notify"
	"weft/server/auth"
	"weft/server/chat"
	"weft/server/room"
	"weft/server/store"
	"weft/server/wire"
)

// retrySoon is after how long a client tries again what was refused because the
// server has too much to do.
const retrySoon = 2 * time.Second

// The kinds of problems.
var (
	// Who the client is, and what it may do.
	TokenMissing   = &Kind{"token-missing", http.StatusUnauthorized, wire.CloseAuth, "A token is needed", 0}
	TokenExpired   = &Kind{"token-expired", http.StatusUnauthorized, wire.CloseAuth, "The token has expired", 0}
	TokenInvalid   = &Kind{"token-invalid", http.StatusUnauthorized, wire.CloseAuth, "The token is not valid", 0}
	TokenUnchecked = &Kind{"token-unchecked", http.StatusServiceUnavailable, wire.CloseOverload, "The token cannot be checked now", retrySoon}
	Forbidden      = &Kind{"forbidden", http.StatusForbidden, wire.CloseForbidden, "Forbidden", 0}
	OriginRefused  = &Kind{"origin-not-allowed", http.StatusForbidden, wire.CloseForbidden, "Origin not allowed", 0}
	HostRefused    = &Kind{"host-not-allowed", http.StatusForbidden, wire.CloseForbidden, "Host not allowed", 0}
	NoGuests       = &Kind{"no-guests", http.StatusForbidden, 0, "No guests here", 0}

	// What the client asked.
	BadRequest       = &Kind{"bad-request", http.StatusBadRequest, wire.CloseBadFrame, "Bad request", 0}
	BadRoomID        = &Kind{"bad-room-id", http.StatusBadRequest, wire.CloseBadFrame, "Bad room id", 0}
	BadMediaType     = &Kind{"unsupported-media-type", http.StatusUnsupportedMediaType, 0, "Unsupported media type", 0}
	UpgradeNeeded    = &Kind{"upgrade-needed", http.StatusUpgradeRequired, 0, "Upgrade needed", 0}
	TooLarge         = &Kind{"too-large", http.StatusRequestEntityTooLarge, wire.CloseTooLarge, "Too large", 0}
	NotFound         = &Kind{"not-found", http.StatusNotFound, wire.CloseDeleted, "Not found", 0}
	MethodNotAllowed = &Kind{"method-not-allowed", http.StatusMethodNotAllowed, 0, "Method Not Allowed", 0}
	BadSubscription  = &Kind{"bad-subscription", http.StatusUnprocessableEntity, 0, "Not a push subscription", 0}

	// Chat.
	InvalidMessage   = &Kind{"invalid-message", http.StatusUnprocessableEntity, 0, "Not a message", 0}
	MessageIDTaken   = &Kind{"message-id-taken", http.StatusConflict, 0, "Conflict", 0}
	MessageNotFound  = &Kind{"message-not-found", http.StatusNotFound, 0, "No such message", 0}
	MessageDeleted   = &Kind{"message-deleted", http.StatusGone, 0, "The message is deleted", 0}
	MessageChanged   = &Kind{"message-changed", http.StatusPreconditionFailed, 0, "Changed meanwhile", 0}
	TooManyReactions = &Kind{"too-many-reactions", http.StatusUnprocessableEntity, 0, "Too many reactions", 0}
	NotStored        = &Kind{"not-stored", http.StatusServiceUnavailable, 0, "Not stored", 0}

	// Limits.
	TooManyMessages    = &Kind{"too-many-messages", http.StatusTooManyRequests, 0, "Too many messages", retrySoon}
	TooManyGuests      = &Kind{"too-many-guests", http.StatusTooManyRequests, 0, "Too many guests", retrySoon}
	TooManyStreams     = &Kind{"too-many-streams", http.StatusTooManyRequests, 0, "Too many streams", retrySoon}
	TooManyConnections = &Kind{"too-many-connections", http.StatusTooManyRequests, wire.CloseRate, "Too many connections", retrySoon}
	TooManyRooms       = &Kind{"too-many-rooms", http.StatusTooManyRequests, wire.CloseRate, "Too many rooms on one connection", 0}
	TooManyWatched     = &Kind{"too-many-watched", http.StatusTooManyRequests, wire.CloseRate, "Too many people watched", 0}

	// The state of the server.
	RoomQuarantined = &Kind{"room-quarantined", http.StatusServiceUnavailable, wire.CloseOverload, "The room is quarantined", retrySoon}
	RoomUnavailable = &Kind{"room-unavailable", http.StatusServiceUnavailable, wire.CloseOverload, "The room cannot be opened now", retrySoon}
	ServerFull      = &Kind{"server-full", http.StatusServiceUnavailable, wire.CloseOverload, "The server is full", retrySoon}
	ServerStopping  = &Kind{"server-stopping", http.StatusServiceUnavailable, wire.CloseRestart, "The server is stopping", retrySoon}
	ServerBusy      = &Kind{"server-busy", http.StatusServiceUnavailable, wire.CloseOverload, "The server is too busy", retrySoon}
	NotReady        = &Kind{"not-ready", http.StatusServiceUnavailable, 0, "Not ready", retrySoon}
	Canceled        = &Kind{"request-canceled", http.StatusServiceUnavailable, 0, "The request was given up", retrySoon}
	Internal        = &Kind{"internal", http.StatusInternalServerError, wire.CloseOverload, "Internal error", 0}
)

// Kinds returns every row of the table.
func Kinds() []*Kind {
	return []*Kind{
		TokenMissing, TokenExpired, TokenInvalid, TokenUnchecked, Forbidden, OriginRefused, HostRefused, NoGuests,
		BadRequest, BadRoomID, BadMediaType, UpgradeNeeded, TooLarge, NotFound, MethodNotAllowed, BadSubscription,
		InvalidMessage, MessageIDTaken, MessageNotFound, MessageDeleted, MessageChanged, TooManyReactions, NotStored,
		TooManyMessages, TooManyGuests, TooManyStreams, TooManyConnections, TooManyRooms, TooManyWatched,
		RoomQuarantined, RoomUnavailable, ServerFull, ServerStopping, ServerBusy, NotReady, Canceled, Internal,
	}
}

// causes says which errors of the libraries are which kind. The first that
// matches counts. detail replaces the error's own text where that is not for
// clients.
var causes = []struct {
	err    error
	kind   *Kind
	detail string
}{
	{auth.ErrNoToken, TokenMissing, ""},
	{auth.ErrExpired, TokenExpired, ""},
	{auth.ErrToken, TokenInvalid, ""},
	{auth.ErrKeys, TokenUnchecked, ""},
	{chat.ErrForbidden, Forbidden, ""},
	{chat.ErrInvalid, InvalidMessage, ""},
	{store.ErrCorrupt, RoomQuarantined, "the room is quarantined: its stored data is damaged; its operator has to repair it"},
	{store.ErrRoomID, BadRoomID, ""},
	{store.ErrConflict, MessageIDTaken, "the id is taken by another message"},
	{store.ErrNoMessage, MessageNotFound, ""},
	{store.ErrDeleted, MessageDeleted, ""},
	{store.ErrVersion, MessageChanged, ""},
	{store.ErrFull, TooManyReactions, ""},
	{notify.ErrNotFound, NotFound, ""},
	{room.ErrMemory, ServerFull, ""},
	{room.ErrClosed, ServerStopping, ""},
	{context.Canceled, Canceled, ""}, // the client has hung up and does not read it
	{context.DeadlineExceeded, ServerBusy, "the server could not answer in time; try again"},
}
