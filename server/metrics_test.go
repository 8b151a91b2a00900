package server

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// scrape reads /metrics as Prometheus does.
func (s *site) scrape(t *testing.T) (page string, families map[string]*dto.MetricFamily) {
	t.Helper()
	client := http.Client{Timeout: 90 * time.Second}
	answer, err := client.Get("http://" + s.host + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || expfmt.ResponseFormat(answer.Header).FormatType() != expfmt.TypeTextPlain {
		t.Fatalf("/metrics answers %d, %v, %v", answer.StatusCode, answer.Header, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if families, err = parser.TextToMetricFamilies(bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	return string(body), families
}

// metric is what /metrics says under a name: the one with that label if there are
// several, of a histogram how many there were.
func (s *site) metric(t *testing.T, name string, label ...string) float64 {
	t.Helper()
	_, families := s.scrape(t)
	for _, m := range families[name].GetMetric() {
		if len(m.Label) != len(label) || len(label) > 0 && m.Label[0].GetValue() != label[0] {
			continue
		}
		switch families[name].GetType() {
		case dto.MetricType_COUNTER:
			return m.GetCounter().GetValue()
		case dto.MetricType_HISTOGRAM:
			return float64(m.GetHistogram().GetSampleCount())
		default:
			return m.GetGauge().GetValue()
		}
	}
	t.Fatalf("/metrics does not say %s %v", name, label)
	return 0
}

// hit is how often /metrics says that a limit was hit.
func (s *site) hit(t *testing.T, limit string) int {
	t.Helper()
	return int(s.metric(t, "weft_limit_hits_total", limit))
}

// others are the hits of all limits but one.
func (s *site) others(limit string) map[string]uint64 {
	others := map[string]uint64{}
	for name, n := range s.limits {
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
	for name, l := range settable {
		all[name] = l.help
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
