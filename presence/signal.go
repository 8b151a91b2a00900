package presence

// setSignal tells a goroutine that it has work. The channel has capacity 1, so this
// never blocks, and signals that arrive before the goroutine looks are one.
func setSignal(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
