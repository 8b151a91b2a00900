package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
)

// The logo is a dark rounded square with a yellow and a white dot. Coordinates
// are units of a square with sides of 26 units, as in app/static/icon.svg, which
// draws the same logo.
const box = 26.0

var (
	ink    = color.RGBA{0x1c, 0x1e, 0x24, 0xff}
	marker = color.RGBA{0xfc, 0xe7, 0x81, 0xff}
	paper  = color.RGBA{0xfd, 0xfc, 0xfa, 0xff}
)

// addIcons adds the icons that must be PNG: those of the web app manifest, Apple's
// touch icon, and the icon of notifications. A maskable icon fills its square,
// and its dots stay within the middle 80 %, which no platform's mask cuts off.
func addIcons(site files) error {
	for _, icon := range []struct {
		name   string
		size   int
		corner float64 // radius of the corners, in units of the box
		zoom   float64 // scale of the dots, about the centre of the box
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
		if err := site.add(icon.name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// draw returns the logo as an image of size × size pixels. Edges are smoothed by
// how much of a pixel a shape covers.
func draw(size int, corner, zoom float64) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	scale := box / float64(size)
	for y := range size {
		for x := range size {
			px, py := (float64(x)+0.5)*scale, (float64(y)+0.5)*scale
			zx, zy := (px-box/2)/zoom+box/2, (py-box/2)/zoom+box/2
			c := ink
			c = blend(c, marker, coverage(math.Hypot(zx-9.5, zy-9.5)-4.5, scale/zoom))
			c = blend(c, paper, coverage(math.Hypot(zx-16.5, zy-16.5)-4.5, scale/zoom))
			alpha := uint8(math.Round(255 * coverage(squareDistance(px, py, corner), scale)))
			img.SetNRGBA(x, y, color.NRGBA{c.R, c.G, c.B, alpha})
		}
	}
	return img
}

// squareDistance is the distance from a point to the edge of the rounded square,
// in units of the box. It is negative inside the square.
func squareDistance(x, y, corner float64) float64 {
	dx, dy := math.Abs(x-box/2)-(box/2-corner), math.Abs(y-box/2)-(box/2-corner)
	return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - corner
}

// coverage estimates the share of a pixel, 0 to 1, that a shape covers. distance
// is the distance of the pixel's centre from the shape's edge, negative inside,
// and pixel is the side of a pixel in the same unit.
func coverage(distance, pixel float64) float64 { return min(max(0.5-distance/pixel, 0), 1) }

// blend returns the mix of two colours in which top has the given share, 0 to 1.
func blend(bottom, top color.RGBA, share float64) color.RGBA {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-share) + float64(b)*share)) }
	return color.RGBA{mix(bottom.R, top.R), mix(bottom.G, top.G), mix(bottom.B, top.B), 0xff}
}
