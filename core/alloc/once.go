package alloc

// once is a Report for something that is tried until it succeeds: of a step with
// the same text as the last time it tells once, and again when the text is
// another. How far something has got is always told. It is for one goroutine.
func once(tell Report) Report {
	last := map[string]string{}
	return func(step, text string, percent int) {
		if was, told := last[step]; told && was == text && percent == 0 {
			return
		}
		last[step] = text
		tell(step, text, percent)
	}
}
