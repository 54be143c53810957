package vault

// Format is how the bytes of an image are laid out.
type Format string

// The formats that a vault holds.
const (
	Raw   Format = "raw"
	QCOW2 Format = "qcow2"
)

// The names inside a volume's folder.
const (
	metaName    = "meta.json"
	oldMetaName = "volumefile"
	imageName   = "data.img"
	dirName     = "data"
	privateName = ".meson"
	lockName    = "lock"
)

// GiB is what one GB of metadata and of settings.json means; sizes are multiples
// of Step.
const (
	GiB  = 1 << 30
	Step = GiB / 8
)
