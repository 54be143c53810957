//go:build !unix

package sdk

import "os"

func closeOnExec(*os.File) {}
