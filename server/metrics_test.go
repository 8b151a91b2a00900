package server

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// metric is the line of /metrics that begins like that, without this beginning.
func (s *site) metric(t *testing.T, beginning string) string {
	t.Helper()
	answer, err := http.Get("http://" + s.host + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("/metrics answers %d, %v, %v", answer.StatusCode, answer.Header, err)
	}
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, beginning); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("/metrics does not say %s:\n%s", beginning, page)
	return ""
}

// hit is how often /metrics says that a limit was hit.
func (s *site) hit(t *testing.T, limit string) int {
	t.Helper()
	n, err := strconv.Atoi(s.metric(t, fmt.Sprintf("weft_limit_hits_total{limit=%q} ", limit)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// others are the hits of all limits but one.
func (s *site) others(limit string) map[string]uint64 {
	others := map[string]uint64{}
	for name, n := range s.hits {
		if name != limit && n.Load() > 0 {
			others[name] = n.Load()
		}
	}
	return others
}

// TestEveryLimitIsCounted: what stays within a limit is counted nowhere, and what goes
// over it under the limit's name and no other. Of a limit that has no trial nobody knows
// that it is counted.
func TestEveryLimitIsCounted(t *testing.T) {
	all := maps.Clone(fixed)
	for name, l := range named {
		all[name] = l.what
	}
	for name := range all {
		try := trials[name]
		if triedElsewhere[name] != "" {
			continue
		}
		if try == nil {
			t.Errorf("nothing shows that the limit %s is counted", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &trial{T: t}
			a.counted = func() bool { return a.hit(t, name) > 0 }
			within, over := try(a)
			within()
			if n := a.hit(t, name); n > 0 {
				t.Errorf("counted %d times within the limit", n)
			}
			over()
			until(t, "it is counted", a.counted)
			if others := a.others(name); len(others) > 0 {
				t.Errorf("counted as well: %v", others)
			}
		})
	}
	for name := range trials {
		if _, ok := all[name]; !ok {
			t.Errorf("there is no limit %s", name)
		}
	}
}

// trial is a server whose limit is tried.
type trial struct {
	*testing.T
	*site
	counted func() bool
}

// with starts the server with limits: name, value, name, value.
func (a *trial) with(limits ...string) {
	c := Config{Limit: map[string]string{}}
	for i := 0; i < len(limits); i += 2 {
		c.Limit[limits[i]] = limits[i+1]
	}
	a.site = run(a.T, c)
}

// comes has somebody come to a room, say something, and wait until it has been heard or
// they have been closed.
func (a *trial) comes(room string, bodies ...[]byte) {
	a.Helper()
	ws, code := a.come(a.T, "/ws/"+room, "", nil)
	if ws == nil {
		a.Fatalf("%s is answered by %d", room, code)
	}
	answered(a.T, ws, wire.AppendStep1(nil, []byte{0}), "\x00\x01", bodies...)
	ws.Close()
}

// refused comes to a path until it is answered by that status.
func (a *trial) refused(path, token string, status int) {
	a.Helper()
	until(a.T, fmt.Sprint("the answer is ", status), func() bool {
		_, code := a.come(a.T, path, token, nil)
		return code == status
	})
}

// let comes to a path so many times.
func (a *trial) let(n int, path, token string) {
	a.Helper()
	for range n {
		if ws, code := a.come(a.T, path, token, nil); ws == nil {
			a.Fatalf("answered by %d", code)
		}
	}
}

// written is an update that writes a text into a root, in so many structs.
func written(t *testing.T, client uint64, root string, letters, structs int) []byte {
	t.Helper()
	d := crdt.New(crdt.Options{ClientID: client})
	for range structs {
		if _, err := d.InsertText(root, 0, strings.Repeat("x", letters/structs)); err != nil {
			t.Fatal(err)
		}
	}
	return wire.AppendUpdate(nil, d.EncodeStateAsUpdate(nil))
}

// early is an update of structs that wait for one before them.
func early(t *testing.T, client uint64, structs int) []byte {
	t.Helper()
	d := crdt.New(crdt.Options{ClientID: client})
	for range structs + 1 {
		if _, err := d.InsertText("t", 0, "x"); err != nil {
			t.Fatal(err)
		}
	}
	return wire.AppendUpdate(nil, d.EncodeStateAsUpdate(crdt.StateVector{client: 1}))
}

// holding is an update of so many subdocuments.
func holding(t *testing.T, client uint64, subdocuments int) []byte {
	t.Helper()
	d := crdt.New(crdt.Options{ClientID: client})
	u, err := d.Transact(func(tx *crdt.Tx) error {
		for range subdocuments {
			if err := d.Array("folder").Push(tx, crdt.Subdoc{GUID: "g"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return wire.AppendUpdate(nil, u)
}

// nested is an update of one value that lies so many arrays deep.
func nested(depth int) []byte {
	u := append([]byte{1, 1, 1, 0, 8, 1, 1, 't', 1}, strings.Repeat("\x75\x01", depth)...)
	return wire.AppendUpdate(nil, append(u, 0x7e, 0))
}

// seen is an awareness message about so many clients, whose states have about so many
// bytes each.
func seen(clients, bytes int) []byte {
	var states []awareness.State
	for id := range uint64(clients) {
		states = append(states, awareness.State{ClientID: 1 + id, Clock: 1, JSON: fmt.Appendf(nil, `{"a":%q}`, strings.Repeat("x", bytes))})
	}
	return wire.AppendAwareness(nil, awareness.Append(nil, states))
}

// again is b, n times.
func again(n int, b []byte) (all [][]byte) {
	for range n {
		all = append(all, b)
	}
	return all
}
