package host

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// pumpStdout hands a well-formed handshake to go-plugin and logs everything
// after it. Standard output that begins with anything else ends the start.
func (p *process) pumpStdout(out io.Reader, handshake *io.PipeWriter) {
	defer handshake.Close()
	in := bufio.NewReaderSize(out, 16<<10)
	line, err := in.ReadSlice('\n')
	socket, fault := readHandshake(string(line), err, p.dir)
	if fault != nil {
		p.fault <- fault
		_ = handshake.Close()
		p.lines.pump(in)
		return
	}
	p.mu.Lock()
	p.socket = socket
	p.mu.Unlock()
	_, _ = handshake.Write(line)
	p.lines.pump(in)
}

// readHandshake is the socket that a plugin names in its first line on standard
// output, go-plugin's CORE|PROTOCOL|NETWORK|ADDRESS|grpc, or what is wrong with it.
func readHandshake(line string, err error, dir string) (socket string, fault error) {
	if line == "" {
		return "", fmt.Errorf("it ended its standard output without a handshake")
	}
	parts := strings.Split(strings.TrimSpace(line), "|")
	_, coreErr := strconv.Atoi(parts[0])
	switch {
	case err != nil || coreErr != nil || len(parts) < 5:
		return "", fmt.Errorf("its standard output begins with %q instead of a handshake", cut(line, 200))
	case parts[4] != "grpc":
		return "", fmt.Errorf("it speaks %q instead of grpc", cut(parts[4], 40))
	case parts[2] != "unix" || !within(dir, parts[3]):
		return "", fmt.Errorf("it listens at %s %q instead of a socket in its own directory", cut(parts[2], 40), cut(parts[3], 200))
	case len(parts) > 5 && parts[5] != "":
		return "", fmt.Errorf("it wants TLS, which it was not asked for")
	}
	return parts[3], nil
}

func within(dir, path string) bool {
	rest, ok := strings.CutPrefix(path, dir+"/")
	return ok && rest != "" && rest != ".." && !strings.Contains(rest, "/")
}
