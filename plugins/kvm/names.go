package kvm

import (
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"
)

// Everything that is made for a machine is named by its UUID, and the UUID
// follows from broker and key: a Create that was cut off anywhere finds, and a
// Delete removes, what is there without having seen it made.

// keySpace is the UUID name space of keys.
const keySpace = "9e3c2f5e-3a86-4f0c-8d43-6d65736f6e01"

// machineUUID is the UUID of the domain of a broker's key.
func machineUUID(broker, key string) string {
	return uuid.NewSHA1(uuid.MustParse(keySpace), []byte(broker+"/"+key)).String()
}

// isUUID reports whether s has the form that libvirt prints.
func isUUID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}

// domainName is the user's name and as much of the UUID as tells two machines
// of one name apart.
func domainName(name, id string) string { return name + "-" + id[:8] }

func diskName(id string) string { return "meson-" + id + ".qcow2" }

func seedName(id string) string { return "meson-" + id + "-seed.iso" }

// volumeNames are all volumes that a machine may have, the boot disk first.
func volumeNames(id string) []string { return []string{diskName(id), seedName(id)} }

// password is one for VNC, which looks at eight bytes.
func password(random [16]byte) string {
	const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	sum := sha256.Sum256(random[:])
	var b strings.Builder
	for _, c := range sum[:8] {
		b.WriteByte(letters[int(c)%len(letters)])
	}
	return b.String()
}
