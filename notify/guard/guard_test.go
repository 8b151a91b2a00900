package guard

import (
	"net/netip"
	"testing"
)

func TestPublicAddresses(t *testing.T) {
	for _, a := range []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.88.99.1",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1",
	} {
		if Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is public, want not public", a)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("the zero address is public, want not public")
	}
	for _, a := range []string{"8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2a00:1450::1", "2600::1", "::ffff:8.8.8.8"} {
		if !Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is not public, want public", a)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "localhost:80": true, "127.0.0.1": true, "127.9.9.9:8080": true, "::1": true, "[::1]": true, "[::1]:80": true,
		"::ffff:127.0.0.1": true, "[::ffff:127.0.0.1]:1": true,
		"": false, ":80": false, "0.0.0.0": false, "10.0.0.1": false, "localhost.example": false, "weft.example:80": false, "2130706433": false, "::2": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) is %v, want %v", host, got, want)
		}
	}
}
