package notifytest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Decrypt does the browser's part of RFC 8291: it decrypts a body of one record in the
// aes128gcm coding (RFC 8188) and returns the plaintext.
//
//	salt 16 ‖ record size 4 ‖ key length 1 ‖ sender's key 65 ‖ AES-128-GCM( text ‖ 02 ‖ 00… )
func Decrypt(body []byte, private *ecdh.PrivateKey, auth []byte) ([]byte, error) {
	const header = 16 + 4 + 1 + 65
	if len(body) < header+16+1 || body[20] != 65 {
		return nil, errors.New("notifytest: body too short, or its key is not a P-256 point")
	}
	salt, point, record := body[:16], body[21:header], body[header:]
	if size := binary.BigEndian.Uint32(body[16:]); int(size) < len(record) || size > 4096 {
		return nil, fmt.Errorf("notifytest: record of %d bytes, the header announces %d", len(record), size)
	}
	sender, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, fmt.Errorf("notifytest: sender's key: %w", err)
	}
	shared, err := private.ECDH(sender)
	if err != nil {
		return nil, fmt.Errorf("notifytest: ECDH: %w", err)
	}
	info := "WebPush: info\x00" + string(private.PublicKey().Bytes()) + string(point)
	input, err := hkdf.Key(sha256.New, shared, auth, info, 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, input, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, input, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	text, err := gcm.Open(nil, nonce, record, nil)
	if err != nil {
		return nil, fmt.Errorf("notifytest: decrypt: %w", err)
	}
	for len(text) > 0 && text[len(text)-1] == 0 {
		text = text[:len(text)-1]
	}
	if len(text) == 0 || text[len(text)-1] != 2 {
		return nil, errors.New("notifytest: no delimiter of the last record")
	}
	return text[:len(text)-1], nil
}
