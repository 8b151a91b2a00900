package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"path"
	"slices"
)

// printSizes prints how many kilobytes each script and style takes on the wire,
// compressed with gzip.
func printSizes(site files) {
	var names []string
	for name := range site {
		if ext := path.Ext(name); ext == ".js" || ext == ".css" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("%8.1f kB gz  %s\n", float64(gzipSize(site[name]))/1000, name)
	}
}

func gzipSize(body []byte) int {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		panic(err) // writing to a bytes.Buffer does not fail
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Len()
}
