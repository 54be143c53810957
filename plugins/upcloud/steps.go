package upcloud

// Steps are the names of all steps, in the order in which a machine and a volume
// meet them.
func Steps() []string {
	return []string{
		"create.looked", "create.answered", "create.made", "create.found",
		"power.sent",
		"attach.noted", "attach.attached", "detach.detached", "detach.noted",
		"delete.found", "delete.stopping", "delete.detached", "delete.removed", "delete.swept",
		"volume.looked", "volume.answered", "volume.made", "volume.labelled", "volume.importing", "volume.enlarged", "volume.finished",
		"export.noted", "unexport.detached", "unexport.noted", "volume.removed",
		"resize.answered", "snapshot.made", "snapshot.labelled", "snapshot.removed", "revert.noted", "revert.sent", "revert.finished",
		"image.made", "image.swept", "image.finished", "image.removed",
	}
}
