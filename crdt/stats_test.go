package crdt

import "testing"

func TestStatsCountWhatIsThere(t *testing.T) {
	d := New(Options{ClientID: 1})
	if st := d.Stats(); st.Structs != 0 || st.Roots != 0 || st.Clients != 0 || st.Content != 0 {
		t.Errorf("an empty document: %+v", st)
	}
	for i, root := range []string{"a", "b", "a"} {
		if _, err := d.InsertText(root, 0, "xyz"); err != nil {
			t.Fatal(err)
		}
		if st := d.Stats(); st.Content != 3*(i+1) || st.Clients != 1 || st.Memory < st.Content {
			t.Errorf("after %d texts: %+v", i+1, st)
		}
	}
	if st := d.Stats(); st.Roots != 2 || st.Types != 2 || st.Structs < 2 {
		t.Errorf("%+v", st)
	}
	if _, err := d.DeleteText("b", 0, 3); err != nil {
		t.Fatal(err)
	}
	if st := d.Stats(); st.Content != 6 {
		t.Errorf("after a deletion: %+v", st)
	}
}
