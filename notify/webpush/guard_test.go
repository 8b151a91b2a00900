package webpush

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weft/notify"
	"weft/notify/notifytest"
)

func TestEndpointPolicy(t *testing.T) {
	p := policy{hosts: DefaultHosts}
	for _, good := range []string{
		"https://fcm.googleapis.com/fcm/send/abc", "https://fcm.googleapis.com:443/x", "https://FCM.googleapis.com/x",
		"https://updates.push.services.mozilla.com/wpush/v2/g", "https://eu.push.services.mozilla.com/x",
		"https://web.push.apple.com/Q", "https://wns2-par02p.notify.windows.com/w/?token=a%2b",
	} {
		if _, err := p.endpoint(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "fcm.googleapis.com", "//fcm.googleapis.com/x", "https:///x", "https://",
		"http://fcm.googleapis.com/x", "ftp://fcm.googleapis.com/x", "file:///etc/passwd",
		"https://fcm.googleapis.com:444/x", "https://fcm.googleapis.com:22/x",
		"https://user@fcm.googleapis.com/x", "https://user:pass@fcm.googleapis.com/x", "https://fcm.googleapis.com@evil.example/x",
		"https://fcm.googleapis.com/x#f", "https://fcm.googleapis.com.evil.example/x", "https://evil-fcm.googleapis.com/x",
		"https://fcm.googleapis.com./x", "https://notify.windows.com/x", "https://.notify.windows.com/x", "https://evilnotify.windows.com/x",
		"https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://[::ffff:127.0.0.1]/x", "https://2130706433/x",
		"https://0x7f.1/x", "https://0177.0.0.1/x", "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/x", "https://8.8.8.8/x",
		"https://[fe80::1%25eth0]/x", "https://fcm.googleapis.com\\@evil.example/x", "https://fcm.googleapis.com/\x00",
		"https://fcm.googleapis.com/" + strings.Repeat("x", maxEndpoint),
	} {
		if origin, err := p.endpoint(bad); !errors.Is(err, ErrRefused) {
			t.Errorf("%.80q allowed as %q (%v)", bad, origin, err)
		}
	}
	ip := policy{hosts: []string{"8.8.8.8", "*.8.8"}}
	if _, err := ip.endpoint("https://8.8.8.8/x"); err == nil {
		t.Error("an IP address in AllowHosts was accepted as a host name")
	}
}

// FuzzEndpoint: every accepted endpoint is https, at port 443, and its host is allowed.
func FuzzEndpoint(f *testing.F) {
	for _, seed := range []string{
		"https://fcm.googleapis.com/x", "https://a.notify.windows.com:443", "https://fcm.googleapis.com:22", "https://a@fcm.googleapis.com",
		"https://[::1]/", "https://fcm.googleapis.com%2eevil.example/", "HTTPS://web.push.apple.com?x", "https://evil.example\\.push.apple.com/",
	} {
		f.Add(seed)
	}
	p := policy{hosts: DefaultHosts}
	f.Fuzz(func(t *testing.T, endpoint string) {
		origin, err := p.endpoint(endpoint)
		if err != nil {
			return
		}
		request, err := http.NewRequest("POST", endpoint, nil)
		if err != nil {
			return // net/http refuses such a URL too
		}
		host := strings.ToLower(request.URL.Hostname())
		if port := request.URL.Port(); request.URL.Scheme != "https" || port != "" && port != "443" || origin != "https://"+host {
			t.Fatalf("%q passed as %q", endpoint, origin)
		}
		for _, domain := range []string{"fcm.googleapis.com", ".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com"} {
			if host == domain || domain[0] == '.' && strings.HasSuffix(host, domain) {
				return
			}
		}
		t.Fatalf("%q passed to %q", endpoint, host)
	})
}

// counter is a listener on loopback that counts connections.
func counter(t *testing.T) (port string, count *atomic.Int32) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	count = &atomic.Int32{}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			conn.Close()
		}
	})
	t.Cleanup(func() {
		listener.Close()
		accepting.Wait()
	})
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port, count
}

// names is a DNS resolver that returns the addresses in turn.
func names(t *testing.T, addresses ...string) *net.Resolver {
	var mu sync.Mutex
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	asked := 0
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		serving.Go(func() {
			defer server.Close()
			for {
				var size [2]byte
				if _, err := io.ReadFull(server, size[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(server, query); err != nil {
					return
				}
				end := 12
				for query[end] != 0 {
					end += 1 + int(query[end])
				}
				end += 5
				kind := binary.BigEndian.Uint16(query[end-4:])
				mu.Lock()
				ip := netip.MustParseAddr(addresses[asked%len(addresses)])
				if kind == 1 && ip.Is4() || kind == 28 && ip.Is6() {
					asked++
				}
				mu.Unlock()
				reply := append([]byte{0, 0}, query[:end]...)
				copy(reply[4:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
				if kind == 1 && ip.Is4() || kind == 28 && ip.Is6() {
					reply[9] = 1
					reply = append(reply, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(ip.BitLen()/8))
					reply = append(reply, ip.AsSlice()...)
				}
				binary.BigEndian.PutUint16(reply, uint16(len(reply)-2))
				if _, err := server.Write(reply); err != nil {
					return
				}
			}
		})
		return client, nil
	}}
}

// TestResolvedAddressesAreGuarded: no connection is made to a non-public address, whatever
// the name resolves to.
func TestResolvedAddressesAreGuarded(t *testing.T) {
	port, count := counter(t)
	for _, address := range []string{
		"127.0.0.1", "::1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "100.64.0.1", "192.168.0.1",
		"fe80::1", "fd00::1", "64:ff9b::7f00:1", "::ffff:127.0.0.1", "224.0.0.1",
	} {
		c := Config{Timeout: 5 * time.Second, resolver: names(t, address)}
		// The client alone, without the check of the URL.
		client := policy{}.client(c)
		_, err := client.Get("https://push.example.:" + port + "/x")
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
		// The sender as a whole.
		c.Keys, c.PublicURL = testKeys(t), "https://weft.example.org"
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		sub := notifytest.NewPushService(t).Subscribe("ben")
		sub.Endpoint = "https://fcm.googleapis.com/fcm/send/x"
		r, err := s.Send(t.Context(), sub, mention, 1)
		if !errors.Is(err, ErrRefused) || r.Outcome != notify.Refused {
			t.Errorf("%s: %+v, %v", address, r, err)
		}
	}
	if n := count.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// TestDNSRebindingIsRefused: the address that is checked is the address that is dialled. A
// name that resolves to a public address first and to a private one next gains nothing.
func TestDNSRebindingIsRefused(t *testing.T) {
	port, count := counter(t)
	client := policy{}.client(Config{Timeout: 5 * time.Second, resolver: names(t, "127.0.0.1", "8.8.8.8")})
	if _, err := client.Get("https://push.example.:" + port + "/x"); !errors.Is(err, ErrRefused) {
		t.Errorf("first private: %v", err)
	}
	client = policy{}.client(Config{Timeout: 5 * time.Second, resolver: names(t, "8.8.8.8", "127.0.0.1")})
	if _, err := client.Get("https://push.example.:" + port + "/x"); !errors.Is(err, ErrRefused) {
		t.Errorf("first public, at a port that is not 443: %v", err)
	}
	if n := count.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestLoopbackIsRefusedUnlessAllowed(t *testing.T) {
	port, count := counter(t)
	s, err := New(Config{Keys: testKeys(t), PublicURL: "https://weft.example.org", AllowHosts: []string{"localhost", "127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	sub := notifytest.NewPushService(t).Subscribe("ben")
	for _, endpoint := range []string{
		sub.Endpoint, "https://localhost:" + port, "https://127.0.0.1:" + port, "https://[::ffff:127.0.0.1]:" + port,
		"http://localhost:" + port, "https://localhost/x",
	} {
		sub.Endpoint = endpoint
		if r, err := s.Send(t.Context(), sub, mention, 1); r.Outcome != notify.Refused || !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %+v, %v", endpoint, r, err)
		}
	}
	if n := count.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	// With AllowLoopback, other private addresses are still refused.
	p := policy{loopback: true}
	for _, address := range []string{"10.0.0.1:443", "169.254.169.254:443", "[fe80::1]:443"} {
		if err := p.control(t.Context(), "tcp", address, nil); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := (policy{}).control(t.Context(), "udp4", "8.8.8.8:443", nil); !errors.Is(err, ErrRefused) {
		t.Errorf("udp: %v", err)
	}
}

func TestRedirectsAndProxiesAreNotFollowed(t *testing.T) {
	port, count := counter(t)
	// Go uses no proxy for loopback, so a test with a real proxy would prove nothing.
	if (policy{}).client(Config{}).Transport.(*http.Transport).Proxy != nil {
		t.Error("the client uses a proxy, which connects without the guard")
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewTLSServer(http.RedirectHandler("https://127.0.0.1:"+port+"/x", status))
		s := loopbackSender(t, server)
		sub := notifytest.NewPushService(t).Subscribe("ben")
		sub.Endpoint = server.URL + "/x"
		if r, err := s.Send(t.Context(), sub, mention, 1); r.Outcome != notify.Refused || r.Status != status {
			t.Errorf("%d: %+v, %v", status, r, err)
		}
		s.Close()
		server.Close()
	}
	if n := count.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestValidateSubscription(t *testing.T) {
	s, err := New(Config{Keys: testKeys(t), PublicURL: "https://weft.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	sub := notifytest.NewPushService(t).Subscribe("ben")
	const good = "https://fcm.googleapis.com/fcm/send/x"
	if err := s.ValidateSubscription(good, sub.P256dh, sub.Auth); err != nil {
		t.Error(err)
	}
	off := append([]byte{}, sub.P256dh...)
	off[64] ^= 1
	for _, c := range []struct {
		name         string
		endpoint     string
		p256dh, auth []byte
		says         string
	}{
		{"http", "http://fcm.googleapis.com/x", sub.P256dh, sub.Auth, "https"},
		{"host", "https://evil.example/x", sub.P256dh, sub.Auth, "evil.example"},
		{"no key", good, nil, sub.Auth, "p256dh"},
		{"compressed key", good, append([]byte{2}, sub.P256dh[1:33]...), sub.Auth, "65"},
		{"off the curve", good, off, sub.Auth, "curve"},
		{"no auth", good, sub.P256dh, nil, "auth"},
		{"long auth", good, sub.P256dh, append([]byte{0}, sub.Auth...), "16"},
	} {
		err := s.ValidateSubscription(c.endpoint, c.p256dh, c.auth)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
