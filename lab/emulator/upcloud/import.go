package upcloud

// storageImport is the import of data into a storage.
type storageImport struct {
	uuid string
}
