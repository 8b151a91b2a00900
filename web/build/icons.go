package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
)

// The mark: an ink tile with a yellow and a paper dot, in units of its own
// 26-unit box. app/static/icon.svg draws the same.
const box = 26.0

var (
	ink    = color.RGBA{0x1c, 0x1e, 0x24, 0xff}
	marker = color.RGBA{0xfc, 0xe7, 0x81, 0xff}
	paper  = color.RGBA{0xfd, 0xfc, 0xfa, 0xff}
)

// drawIcons adds the icons that cannot be SVG: the manifest's, Apple's, and the
// one for notifications. A maskable icon fills its square, and its dots stay in
// the middle 80 % that every mask keeps.
func drawIcons(made site) error {
	for _, icon := range []struct {
		name   string
		size   int
		corner float64 // radius, in units of the box
		zoom   float64 // of the dots about the centre
	}{
		{"icon-180.png", 180, 0, 0.9},
		{"icon-192.png", 192, 7, 1},
		{"icon-512.png", 512, 7, 1},
		{"icon-maskable.png", 512, 0, 0.8},
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, draw(icon.size, icon.corner, icon.zoom)); err != nil {
			return fmt.Errorf("build: icon: %w", err)
		}
		if err := made.add(icon.name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func draw(size int, corner, zoom float64) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	scale := box / float64(size)
	for y := range size {
		for x := range size {
			px, py := (float64(x)+0.5)*scale, (float64(y)+0.5)*scale
			zx, zy := (px-box/2)/zoom+box/2, (py-box/2)/zoom+box/2
			c := ink
			c = over(c, marker, inside(math.Hypot(zx-9.5, zy-9.5)-4.5, scale/zoom))
			c = over(c, paper, inside(math.Hypot(zx-16.5, zy-16.5)-4.5, scale/zoom))
			img.SetNRGBA(x, y, color.NRGBA{c.R, c.G, c.B, uint8(math.Round(255 * inside(tile(px, py, corner), scale)))})
		}
	}
	return img
}

// tile is the distance to the edge of the rounded square, negative inside.
func tile(x, y, corner float64) float64 {
	dx, dy := math.Abs(x-box/2)-(box/2-corner), math.Abs(y-box/2)-(box/2-corner)
	return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - corner
}

// inside turns a distance into the share of a pixel that is covered.
func inside(distance, pixel float64) float64 { return min(max(0.5-distance/pixel, 0), 1) }

func over(under, top color.RGBA, share float64) color.RGBA {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-share) + float64(b)*share)) }
	return color.RGBA{mix(under.R, top.R), mix(under.G, top.G), mix(under.B, top.B), 0xff}
}
