package webpush

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"weft/notify"
)

// maxPayload is what fits one record: recordSize less the header (16 salt, 4
// record size, 1 length, 65 key), the tag (16) and the padding delimiter (1).
const (
	recordSize = 2048
	maxPayload = recordSize - 86 - 16 - 1
)

// payload is read twice: by browsers that know Declarative Web Push, without any
// service worker, and by ours in all others.
type payload struct {
	WebPush      int     `json:"web_push"`            // always 8030
	AppBadge     *int    `json:"app_badge,omitempty"` // where the W3C text has it
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
	AppBadge string `json:"app_badge,omitempty"` // where Safari 18.4 reads it
	Data     data   `json:"data"`
}

type data struct {
	Room string `json:"room"`
	ID   string `json:"id"`
	Kind string `json:"kind"`
	At   int64  `json:"at"` // Unix milliseconds
	// Count is how many the push stands for, if more than this one. Readers without
	// our service worker show the newest, and its number on the app's icon.
	Count int `json:"count,omitempty"`
}

// tag groups what a device shows in one place: a room's latest.
func tag(n notify.Notification) string { return "room:" + n.Room }

// encode writes the payload, with the body and if need be the title clipped to
// fit. unread below 0 is not known.
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
		// A byte of text may be six of JSON, so the excess may be more than there
		// is to clip: half of it at a time then, until it fits.
		switch c := &p.Notification; {
		case clip(&c.Body, excess):
		case clip(&c.Title, excess):
		default:
			return nil, errors.New("webpush: payload too large without any text")
		}
	}
}

const ellipsis = "…"

// clip shortens s by about n bytes, at the border of a character; false if
// nothing is left to take.
func clip(s *string, n int) bool {
	if *s == "" || *s == ellipsis {
		return false
	}
	keep := max(0, len(*s)-min(n, len(*s)/2)-len(ellipsis))
	for keep > 0 && !utf8.RuneStart((*s)[keep]) {
		keep--
	}
	*s = (*s)[:keep] + ellipsis
	return true
}
