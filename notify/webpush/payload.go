package webpush

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"weft/notify"
)

// maxPayload is the number of bytes that fit into one record of recordSize bytes
// (RFC 8188): without the header (16 salt, 4 record size, 1 key id length, 65 key), the
// authentication tag (16) and the padding delimiter (1).
const (
	recordSize = 2048
	maxPayload = recordSize - 86 - 16 - 1
)

// payload is read by browsers with Declarative Web Push, without a service worker, and by
// the project's service worker in other browsers.
type payload struct {
	WebPush      int     `json:"web_push"`            // always 8030
	AppBadge     *int    `json:"app_badge,omitempty"` // place in the W3C draft
	Notification content `json:"notification"`
}

type content struct {
	Title    string `json:"title"`
	Body     string `json:"body"`
	Navigate string `json:"navigate"` // absolute
	Lang     string `json:"lang"`
	Dir      string `json:"dir"`
	Silent   bool   `json:"silent"`
	Tag      string `json:"tag"`
	AppBadge string `json:"app_badge,omitempty"` // place in Safari 18.4
	Data     data   `json:"data"`
}

type data struct {
	Room string `json:"room"`
	ID   string `json:"id"`
	Kind string `json:"kind"`
	At   int64  `json:"at"` // Unix milliseconds
	// Count is the number of notifications in the push, if more than 1. Browsers without
	// the service worker show only the newest.
	Count int `json:"count,omitempty"`
}

// tag groups notifications: a device shows only the latest with the same tag, here one for
// each room.
func tag(n notify.Notification) string { return "room:" + n.Room }

// encode returns the payload as JSON of at most maxPayload bytes. If it is too large, the
// body and then the title are shortened. A negative unread means unknown.
func encode(n notify.Notification, count int, publicURL string, unread int) ([]byte, error) {
	p := payload{WebPush: 8030, Notification: content{
		Title: n.Title, Body: n.Body, Navigate: publicURL + n.URL, Lang: "en", Dir: "auto", Tag: tag(n),
		Data: data{Room: n.Room, ID: n.ID, Kind: n.Kind, At: n.CreatedAt.UnixMilli()},
	}}
	if count > 1 {
		p.Notification.Data.Count = count
	}
	if unread >= 0 {
		p.AppBadge, p.Notification.AppBadge = &unread, strconv.Itoa(unread)
	}
	for {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(p); err != nil {
			return nil, err
		}
		excess := out.Len() - 1 - maxPayload // without the final line feed
		if excess <= 0 {
			return out.Bytes()[:out.Len()-1], nil
		}
		// One byte of text may be six bytes of JSON, so the excess may exceed the length
		// of the text. shorten then halves the text, until the payload fits.
		switch c := &p.Notification; {
		case shorten(&c.Body, excess):
		case shorten(&c.Title, excess):
		default:
			return nil, errors.New("webpush: payload too large even without text")
		}
	}
}

const ellipsis = "…"

// shorten removes about n bytes from the end of s, at most half of it, and appends an
// ellipsis. It returns false if s is already empty or only the ellipsis.
func shorten(s *string, n int) bool {
	if *s == "" || *s == ellipsis {
		return false
	}
	keep := max(0, len(*s)-min(n, len(*s)/2)-len(ellipsis))
	*s = strings.ToValidUTF8((*s)[:keep], "") + ellipsis // without a character cut in two
	return true
}
