package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"weft/server/store"
)

func chatSearch(t *testing.T, o *storeUnderTest) {
	say := func(room store.RoomID, id, text string) {
		t.Helper()
		_, _, err := o.S.PostMessage(t.Context(), store.Message{ID: id, Room: room, User: ann, Text: text, CreatedAt: at(1)}, store.NoOutbox)
		must(t, err)
	}
	find := func(query string, p store.SearchPage) string {
		t.Helper()
		p.Query = store.ParseQuery(query)
		list := value(o.S.Search(t.Context(), "room", p))(t)
		if list == nil {
			t.Fatal("nil instead of an empty list")
		}
		var ids []string
		for _, m := range list {
			ids = append(ids, m.ID)
		}
		return strings.Join(ids, " ")
	}
	same(t, "in a room that is not there", find("osmosis", store.SearchPage{}), "")
	say("room", "m1", "Osmosis moves WATER, not salt")
	say("elsewhere", "m1", "osmosis is elsewhere")
	say("room", "m2", "the Café near water")
	say("room", "m3", "滲透是水的移動 osmosis")
	say("room", "m4", "text:water NEAR(osmosis) OR * \"quoted\" ^ - + {x} 100%")
	say("room", "m5", "!?")
	check := func(want map[string]string) {
		t.Helper()
		o.twice(func() {
			for query, ids := range want {
				same(t, fmt.Sprintf("search for %q", query), find(query, store.SearchPage{}), ids)
			}
		})
	}
	check(map[string]string{
		"osmosis": "m4 m3 m1", "OSMOSIS ": "m4 m3 m1", "osmo": "m4 m3 m1", "osmo ": "", "o": "",
		"water osmosis": "m4 m1", "water, osmosis!": "m4 m1", `"moves water"`: "m1", `"water moves"`: "", "moves-water": "m1",
		"cafe": "m2", "CAFÉ": "m2", "cafe\u0301": "m2",
		"水": "m3", "滲透": "m3", "透滲": "", "水移": "", "的移動": "m3",
		"": "", "!?": "", `"`: "", `""`: "", "*": "", "'": "", "\x00": "", "\xff": "", "near": "m4 m2", "NEAR": "m4 m2", "or": "m4", "not": "m1", "and": "",
		"text:water": "m4", "NEAR(osmosis": "m4", "x*": "m4", "100%": "m4", "forms": "", "-water": "m4 m2 m1", "rowid": "", `a" OR "b`: "", strings.Repeat("water ", 100): "m4 m2 m1",
		strings.Repeat("x", 5000): "",
	})
	same(t, "first page", find("osmosis", store.SearchPage{Limit: 2}), "m4 m3")
	same(t, "next page", find("osmosis", store.SearchPage{Limit: 2, Before: 3}), "m1")
	same(t, "last page", find("osmosis", store.SearchPage{Limit: 2, Before: 1}), "")

	edit(t, o, store.Edit{ID: "m1", By: ann, Text: "diffusion"})
	_, _, err := o.S.DeleteMessage(t.Context(), "room", "m4", store.NoOutbox)
	must(t, err)
	for _, id := range []string{"m6", "m7"} {
		if created := value(o.S.ImportMessage(t.Context(), store.Message{ID: id, Room: "room", User: ann, Text: "imported osmosis", Deleted: id == "m7", CreatedAt: at(1)}))(t); !created {
			t.Fatal("not imported")
		}
	}
	check(map[string]string{"osmosis": "m6 m3", "diffusion": "m1", "water": "m2"})
}

// modelSearch looks for words that messages of the model have.
func modelSearch(t *testing.T, o *storeUnderTest, r *rand.Rand, room store.RoomID, m *modelRoom) {
	t.Helper()
	word := fmt.Sprint(r.IntN(500))
	if r.IntN(2) == 0 {
		word = fmt.Sprint(r.IntN(4)) // of edits
	}
	p := store.SearchPage{Query: store.ParseQuery("text " + word + " "), Limit: 1 + r.IntN(5)}
	if r.IntN(2) == 0 {
		p.Before = store.Seq(1 + r.IntN(len(m.messages)+2))
	}
	want := []store.Message{}
	for _, msg := range slices.Backward(m.messages) {
		if !msg.Deleted && msg.Text == "text "+word && (p.Before == 0 || msg.Seq < p.Before) && len(want) < p.Limit {
			want = append(want, msg)
		}
	}
	same(t, fmt.Sprintf("search %+v of %q", p, room), value(o.S.Search(t.Context(), room, p))(t), want)
}
