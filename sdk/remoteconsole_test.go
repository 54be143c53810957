package sdk_test

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

func TestConsoleEchoes(t *testing.T) {
	c := sdktest.Serve(t, sdk.NewServer(sdktest.Mem(), slog.New(slog.DiscardHandler)))
	if _, err := c.Configure(t.Context(), &pb.ConfigureRequest{Provider: "m", ConfigJson: "{}"}); err != nil {
		t.Fatal(err)
	}
	req := createRequest()
	req.Offer.Zone = "zone-a"
	i, err := c.Provider("m").Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	typed := strings.Repeat("hello ", 20_000)
	s := &session{Reader: strings.NewReader(typed)}
	if err := c.Provider("m").OpenConsole(t.Context(), &pb.ConsoleRequest{Id: i.GetId(), Broker: "b"}, s); err != nil {
		t.Fatal(err)
	}
	if got := s.printed.String(); got != sdktest.MemBanner+typed {
		t.Errorf("%d bytes came back, want %d", len(got), len(sdktest.MemBanner+typed))
	}
}

type session struct {
	io.Reader
	printed bytes.Buffer
}

func (s *session) Write(p []byte) (int, error) { return s.printed.Write(p) }

func exampleOwner(request string) *pb.Owner {
	return &pb.Owner{Broker: "b", Allocation: "a", Key: "k", Request: request}
}
