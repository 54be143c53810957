package cli

// style paints words where colour is wanted, and leaves them alone elsewhere.
type style struct{ on bool }

// newStyle decides about colour for one stream.
func newStyle(terminal bool, getenv func(string) string) style {
	return style{on: terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

func (s style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string   { return s.paint("1", text) }
func (s style) dim(text string) string    { return s.paint("2", text) }
func (s style) red(text string) string    { return s.paint("31", text) }
func (s style) green(text string) string  { return s.paint("32", text) }
func (s style) yellow(text string) string { return s.paint("33", text) }

// state paints the state of an allocation.
func (s style) state(text string) string {
	switch text {
	case "running":
		return s.green(text)
	case "failed", "uncertain":
		return s.red(text)
	case "gone", "stopped":
		return s.dim(text)
	}
	return s.yellow(text)
}

// verdict paints how a check ended.
func (s style) verdict(text string) string {
	switch text {
	case "ok":
		return s.green(text)
	case "failed":
		return s.red(text)
	}
	return s.yellow(text)
}
