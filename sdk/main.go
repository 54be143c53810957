package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"google.golang.org/protobuf/encoding/protojson"
)

// Main is the whole main function of a plugin; its result is the exit code:
//
//	func main() {
//		os.Exit(sdk.Main(sdk.Definition[Config, *Provider]{
//			Name: "mycloud", Version: "1.0.0", Summary: "Machines of My Cloud.",
//			Open: Open,
//		}))
//	}
//
// Started by its host, the plugin serves the contract until its host is gone or
// stops it. Started by a person with an argument:
//
//	describe                   prints what the plugin is, as JSON
//	config-docs                prints its settings, as a Markdown table
//	debug                      serves on a socket, prints MESON_REATTACH=… for
//	                           the host to attach to, ends on Ctrl-C
//	serve --listen unix:PATH   serves on a socket for providers with connect:,
//	                           ends on SIGTERM when calls under way are done
//
// Whatever is written to os.Stdout by mistake goes to stderr. Code that runs
// before Main must not write to it.
func Main[C any, P Provider](d Definition[C, P]) int {
	stdout := os.Stdout
	os.Stdout = os.Stderr
	args := os.Args[1:]
	hosted := len(args) == 0 && isHosted()
	log := slog.New(NewLogHandler(os.Stderr, LogOptions{
		Module: BinaryPrefix + d.Name,
		Level:  ParseLogLevel(os.Getenv(LogLevelEnv)),
	}))
	if len(args) > 0 && args[0] == "debug" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	slog.SetDefault(log)
	s := NewServer(d, log)
	if err := s.Fault(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%s is defective: %v\n", BinaryPrefix, d.Name, err)
		return 1
	}
	if hosted {
		return serveHosted(s, stdout)
	}
	if len(args) == 0 {
		fmt.Fprintf(os.Stderr, "%s%s %s: %s\n\nThis is a plugin of Meson, which starts it by itself: put it where Meson finds plugins.\n\n%s",
			BinaryPrefix, d.Name, d.Version, d.Summary, usage)
		return 2
	}
	if err := command(s, ConfigDocs[C], stdout, args); err != nil {
		fmt.Fprintf(os.Stderr, "%s%s: %v\n", BinaryPrefix, d.Name, err)
		if KindOf(err) == Invalid {
			return 2
		}
		return 1
	}
	return 0
}

const usage = `By hand it can be told to:
  describe                   print what it is, as JSON
  config-docs                print its settings, as a Markdown table
  debug                      run for a debugger, and print how Meson attaches
  serve --listen unix:PATH   serve providers that have connect: unix:PATH
`

func isHosted() bool {
	h := Handshake()
	return os.Getenv(h.MagicCookieKey) == h.MagicCookieValue
}

func command(s *Server, docs func() string, stdout io.Writer, args []string) error {
	verb, rest := args[0], args[1:]
	if verb != "serve" && len(rest) > 0 {
		return Errorf(Invalid, "%s takes no arguments, but was given %s\n%s", verb, quote(rest[0]), usage)
	}
	switch verb {
	case "describe":
		text, err := DescribeJSON(s)
		if err == nil {
			_, err = fmt.Fprintf(stdout, "%s\n", text)
		}
		return err
	case "config-docs":
		_, err := io.WriteString(stdout, docs())
		return err
	case "debug":
		return untilSignal(func(ctx context.Context) error { return serveDebug(ctx, s, stdout) })
	case "serve":
		path, err := listenFlag(rest)
		if err != nil {
			return err
		}
		return untilSignal(func(ctx context.Context) error { return ServeUnix(ctx, s, path) })
	}
	return Errorf(Invalid, "unknown argument %s%s\n%s", quote(verb), suggest(verb, []string{"describe", "config-docs", "debug", "serve"}), usage)
}

// DescribeJSON is what the argument describe prints: the DescribeResponse in
// the JSON of protobuf, equal for equal plugins byte for byte.
func DescribeJSON(s *Server) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(s.Describe())
	if err != nil {
		return nil, err
	}
	// protojson varies its blanks on purpose.
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func listenFlag(args []string) (string, error) {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	listen := flags.String("listen", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return "", Errorf(Invalid, "want serve --listen unix:PATH\n%s", usage)
	}
	path, ok := strings.CutPrefix(*listen, "unix:")
	if !ok || path == "" {
		return "", Errorf(Invalid, "--listen %s: want unix:PATH", quote(*listen))
	}
	return path, nil
}

// untilSignal runs fn with a context that ends at SIGINT or SIGTERM. A second
// signal has its usual effect.
func untilSignal(fn func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return fn(ctx)
}
