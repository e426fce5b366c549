// Answers, a line for a line, what the Go checksum database's own packages say of notes and proofs.
//
// Debian's golang-golang-x-mod-dev has them; nothing of this is shipped.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Kind                string // note, inclusion, consistency or tile
	Note, Key           string
	Path                [][]byte
	Size, Index         int64
	Root, Leaf, OldRoot []byte
	Level, Width        int
}

type answer struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

func hashOf(data []byte) (hash tlog.Hash) {
	copy(hash[:], data)
	return hash
}

func hashesOf(path [][]byte) (hashes []tlog.Hash) {
	for _, data := range path {
		hashes = append(hashes, hashOf(data))
	}
	return hashes
}

func answerTo(asked question) answer {
	switch asked.Kind {
	case "note":
		key, err := note.NewVerifier(asked.Key)
		if err != nil {
			return answer{}
		}
		opened, err := note.Open([]byte(asked.Note), note.VerifierList(key))
		if err != nil {
			return answer{}
		}
		return answer{true, opened.Text}
	case "inclusion":
		err := tlog.CheckRecord(hashesOf(asked.Path), asked.Size, hashOf(asked.Root), asked.Index, hashOf(asked.Leaf))
		return answer{OK: err == nil}
	case "consistency":
		err := tlog.CheckTree(hashesOf(asked.Path), asked.Size, hashOf(asked.Root), asked.Index, hashOf(asked.OldRoot))
		return answer{OK: err == nil}
	case "tile":
		return answer{true, tlog.Tile{H: 8, L: asked.Level, N: asked.Index, W: asked.Width}.Path()}
	}
	return answer{}
}

func main() {
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for decoder := json.NewDecoder(in); decoder.More(); {
		var asked question
		if decoder.Decode(&asked) != nil {
			os.Exit(2)
		}
		if out.Encode(answerTo(asked)) != nil {
			os.Exit(2)
		}
	}
}
