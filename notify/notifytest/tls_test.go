package notifytest_test

import (
	"crypto/tls"

	"weft/notify/notifytest"
)

func tlsWith(p *notifytest.PushService) *tls.Config { return &tls.Config{RootCAs: p.CertPool()} }
