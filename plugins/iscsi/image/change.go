package image

// Op is what a Change does.
type Op string

// The changes.
const (
	// OpSnapshot freezes the active file as layer Layer and puts a new, empty
	// overlay in its place: constant time, on a running volume too, where it is
	// what a crash at that instant would have left.
	OpSnapshot Op = "snapshot"
	// OpRevert gives the volume what layer Layer holds: what the active file
	// held is lost. Constant time; not on a running volume.
	OpRevert Op = "revert"
	// OpResize lets the volume grow to SizeBytes.
	OpResize Op = "resize"
	// OpConvert rewrites the active file in the format Format, standing alone.
	// Not on a running volume. With a File, that file is put in its place.
	OpConvert Op = "convert"
	// OpPull copies into Layer (empty: the active file, not on a running volume)
	// what the layers above Base hold, so that it stands on Base (empty: alone).
	OpPull Op = "pull"
	// OpPush copies the one child of Layer, child Child (empty: the active
	// file, not on a running volume), down into Layer, whose file takes the
	// child's place.
	OpPush Op = "push"
	// OpRemove deletes layer Layer, on which nothing stands.
	OpRemove Op = "remove"
)

// Merges reports whether it is one of Engine.Plan's: it may take long, changes nothing
// that anybody sees, and Engine.Conclude ends it soon.
func (op Op) Merges() bool { return op == OpPull || op == OpPush || op == OpRemove }

// Concludes reports whether Engine.Conclude can end it soon.
func (op Op) Concludes() bool { return op.Merges() || op == OpConvert }

// Change is one step from a Layout to another; see the package comment.
type Change struct {
	// ID is the change's own, never used for another one; of [A-Za-z0-9-].
	ID string `json:"id"`
	Op Op     `json:"op"`
	// Layer, Child and Base are layers, as the Op says.
	Layer string `json:"layer,omitempty"`
	Child string `json:"child,omitempty"`
	Base  string `json:"base,omitempty"`
	// Hidden makes a layer that nobody asked for as a snapshot, such as one to
	// clone from.
	Hidden    bool   `json:"hidden,omitempty"`
	SizeBytes uint64 `json:"size_bytes,omitempty"`
	Format    Format `json:"format,omitempty"`
	// File, an absolute path on the volume's filesystem, stands alone in the format
	// Format, and holds what OpConvert is to write, which takes no time then; it is
	// moved. Empty: it is written now, which may take long. It is not recorded: who
	// repeats the change has it written anew, who concludes it does not need it.
	File string `json:"-"`
}

// Volume is what a call works on.
type Volume struct {
	// Dir is the folder, an absolute path.
	Dir string
	// Layout as it is recorded.
	Layout Layout
	// Daemon serves the volume now; nil: nobody has its files open for writing.
	// That is checked, by QEMU's own locks, and otherwise Busy.
	Daemon *Daemon
}
