package chat

import (
	"strings"
	"testing"
)

func TestIsEmojiKnowsSingleEmoji(t *testing.T) {
	for _, s := range []string{
		"👍", "👍🏽", "❤", "❤️", "😀", "🎉", "✅", "➕", "©️", "ℹ️", "‼️", "☺️", "▪️", "↔️", "♾️", "™", "Ⓜ️", "㊗️", "🀄", "🅰️", "⭐",
		"1️⃣", "#️⃣", "*⃣", "🇩🇪", "🏴‍☠️", "🏳️‍🌈", "👨‍👩‍👧‍👦", "👩🏽‍❤️‍💋‍👨🏿", "🧑🏻‍🦰", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
	} {
		if !isEmoji(s) {
			t.Errorf("isEmoji(%q) (% x) = false, want true", s, s)
		}
	}
	for _, s := range []string{
		"", " ", "a", "1", "#", "ok", ":+1:", "👍👍", "👍 ", " 👍", "👍a", "<b>", "\u200d", "\ufe0f", "👍\u200d", "\u200d👍", "🇩", "🇩🇪🇩🇪", "1️", "12⃣",
		"é", "漢", "\ufffd", "\xff", "﷽", "👍\x00", "👍\u202e", "👍\u0301", "\U000e0067", "👍\U000e007f", "👍\U000e0067", "█\n",
		strings.Repeat("👍\u200d", 20) + "👍",
	} {
		if isEmoji(s) {
			t.Errorf("isEmoji(%q) (% x) = true, want false", s, s)
		}
	}
}

func FuzzIsEmoji(f *testing.F) {
	f.Add("👩🏽‍❤️‍💋‍👨🏿")
	f.Add("1️⃣")
	f.Add("🏴󠁧󠁢󠁥󠁮󠁧󠁿")
	f.Fuzz(func(t *testing.T, s string) {
		if isEmoji(s) && (len(s) > maxEmoji || strings.ContainsAny(s, "<>&\"'\\/\x00\r\n \u202e")) {
			t.Fatalf("isEmoji(%q) = true, with a character that no emoji has or more than %d bytes", s, maxEmoji)
		}
	})
}
