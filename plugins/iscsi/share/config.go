package share

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The server's own files, beside lock and state.json.
const (
	configFile   = "ganesha.conf"
	logFile      = "ganesha.log"
	pidFile      = "ganesha.pid"
	recoveryDir  = "recovery"
	credsDir     = "creds" // the server wants a directory for Kerberos tickets, which it has none of
	complaintLog = "ganesha.err"
)

// makeDirs makes the server's directories.
func (s *Server) makeDirs() error {
	for _, dir := range []string{s.opts.Dir, s.file(recoveryDir), s.file(credsDir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// base is the part of the configuration that only a new server reads.
func (s *Server) base() string {
	lease := int(s.opts.Lease / time.Second)
	var b strings.Builder
	fmt.Fprintf(&b, "NFS_CORE_PARAM { Protocols = 4; Bind_addr = %s; NFS_Port = %d; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }\n",
		s.opts.Address.Addr(), s.opts.Address.Port())
	// Libraries speak 4.0, kernels 4.2. The server asks for a grace period that is
	// no shorter than the lease.
	fmt.Fprintf(&b, "NFSv4 { Minor_Versions = 0, 1, 2; Only_Numeric_Owners = true; Lease_Lifetime = %d; Grace_Period = %d; RecoveryBackend = fs; RecoveryRoot = \"%s\"; }\n",
		lease, lease+2, s.file(recoveryDir))
	fmt.Fprintf(&b, "NFS_KRB5 { Active_krb5 = false; CCacheDir = \"%s\"; }\n", s.file(credsDir))
	b.WriteString("EXPORT_DEFAULTS { Access_Type = None; Squash = No_Root_Squash; SecType = sys; Protocols = 4; Transports = TCP; }\n")
	return b.String()
}

// block is one export's part.
func (e Export) block(number uint16) string {
	access := "RW"
	if e.ReadOnly {
		access = "RO"
	}
	clients := make([]string, len(e.Clients))
	for i, c := range e.Clients {
		clients[i] = client(c)
	}
	return fmt.Sprintf("EXPORT { Export_Id = %d; Path = \"%s\"; Pseudo = \"%s\"; FSAL { Name = VFS; } CLIENT { Clients = %s; Protocols = 4; Access_Type = %s; } }\n",
		number, e.Dir, Path(e.Attachment), strings.Join(clients, ", "), access)
}

func client(p netip.Prefix) string {
	switch {
	case p.Bits() == 0:
		return "*"
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.Masked().String()
}

// replace writes a file whole or not at all.
func replace(name string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
