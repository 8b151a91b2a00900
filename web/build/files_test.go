package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestDifferencesAndOthersFindEveryFileThatDeviates(t *testing.T) {
	dir := t.TempDir()
	written := files{"same.js": []byte("1"), "app/changed.js": []byte("1")}
	if err := written.write(dir); err != nil {
		t.Fatal(err)
	}
	wanted := files{"same.js": []byte("1"), "app/changed.js": []byte("2"), "missing.js": nil}
	got, err := wanted.differences(dir)
	if want := []string{"app/changed.js differs", "missing.js is missing"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("differences = %q, %v; want %q", got, err, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "stale.js"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err = wanted.others(dir)
	if want := []string{"stale.js"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("others = %q, %v; want %q", got, err, want)
	}
	if err := wanted.removeOthers(dir); err != nil {
		t.Fatal(err)
	}
	if err := wanted.write(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := wanted.differences(dir); err != nil || len(got) > 0 {
		t.Errorf("differences after a write = %q, %v; want none", got, err)
	}
	if got, err := wanted.others(dir); err != nil || len(got) > 0 {
		t.Errorf("others after removeOthers = %q, %v; want none", got, err)
	}
}

func TestAddRefusesASecondFileOfThePath(t *testing.T) {
	f := files{}
	if err := f.add("a.js", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := f.add("a.js", []byte("2")); err == nil {
		t.Error("add of a path that is taken returned no error")
	}
}
