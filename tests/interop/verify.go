// SPDX-License-Identifier: Apache-2.0

// An independent verifier of what vantioctl writes, on golang.org/x/mod's sumdb/note and sumdb/tlog and the standard library: none
// of vantioctl's code. Exit status 0 if it holds, 1 if it does not, and why on standard error.
//
//	verify checkpoint NOTE VKEY             a signed note
//	verify cosigned NOTE WITNESS            cosigned by that witness (C2SP, type 4)
//	verify tiles DIR VKEY                   a tlog-tiles folder: checkpoint, tiles, entry bundles, an inclusion proof of each entry
//	verify consistent DIR VKEY NOTE         that folder continues an older checkpoint
//	verify lines FILE NOTE VKEY             an NDJSON export leads to the checkpoint's root
//	verify receipt FILE VKEY                a receipt, by the genesis key alone: later keys are followed from it
//	verify epochs DIR                       a ledger's checkpoint, by its genesis key and the seals of its epochs
//	verify generate NAME                    a key pair, the private key first
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func read(path string) []byte {
	b, err := os.ReadFile(path)
	check(err, "reading")
	return b
}

// A verifier key, or the file that holds it.
func keyText(arg string) string {
	if b, err := os.ReadFile(arg); err == nil {
		return strings.TrimSuffix(string(b), "\n")
	}
	return arg
}

func verifier(arg string) note.Verifier {
	v, err := note.NewVerifier(keyText(arg))
	check(err, "verifier key")
	return v
}

type checkpoint struct {
	origin string
	tree   tlog.Tree
}

func openCheckpoint(msg []byte, v note.Verifier) checkpoint {
	c, extension := parseCheckpoint(msg, v)
	if extension != "" {
		check(errors.New("more than three lines"), "checkpoint")
	}
	return c
}

// A record of a sealed epoch is proved by the seal, which has a line more.
func openCheckpointOrSeal(msg []byte, v note.Verifier) checkpoint {
	c, _ := parseCheckpoint(msg, v)
	return c
}

func parseCheckpoint(msg []byte, v note.Verifier) (checkpoint, string) {
	n, err := note.Open(msg, note.VerifierList(v))
	check(err, "note")
	lines := strings.SplitN(n.Text, "\n", 4)
	if len(lines) != 4 || lines[0] != v.Name() {
		check(errors.New("not three lines under the key's name"), "checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "size")
	root, err := tlog.ParseHash(lines[2])
	check(err, "root")
	return checkpoint{lines[0], tlog.Tree{N: size, Hash: root}}, lines[3]
}

// A witness: C2SP tlog-cosignature, Ed25519.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }
func (w *witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	m := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))), msg...)
	return ed25519.Verify(w.key, m, sig[8:])
}

func parseWitness(arg string) *witness {
	part := strings.SplitN(keyText(arg), "+", 3)
	if len(part) != 3 {
		check(errors.New("not name+hash+key"), "witness")
	}
	key, err := base64.StdEncoding.DecodeString(part[2])
	check(err, "witness")
	if len(key) != 33 || key[0] != 4 {
		check(errors.New("not a key of type 4"), "witness")
	}
	sum := sha256.Sum256([]byte(part[0] + "\n" + string(key)))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != part[1] {
		check(errors.New("its hash is not that of its name and key"), "witness")
	}
	return &witness{part[0], hash, key[1:]}
}

// Tiles of height 8, under C2SP's paths: x/mod puts the height into them.
type folder string

func (d folder) Height() int                               { return 8 }
func (d folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (d folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		b, err := os.ReadFile(filepath.Join(string(d), "tile", strings.TrimPrefix(t.Path(), "tile/8/")))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func bundle(d folder, n, size int64) [][]byte {
	width := size - n*256
	if width > 256 {
		width = 256
	}
	path := strings.TrimPrefix(tlog.Tile{H: 8, L: 0, N: n, W: int(width)}.Path(), "tile/8/0/")
	b := read(filepath.Join(string(d), "tile", "entries", path))
	var out [][]byte
	for len(b) > 0 {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			check(errors.New("cut short"), "bundle")
		}
		l := int(binary.BigEndian.Uint16(b))
		out = append(out, b[2:2+l])
		b = b[2+l:]
	}
	if int64(len(out)) != width {
		check(fmt.Errorf("%d entries, not %d", len(out), width), "bundle")
	}
	return out
}

func verifyTiles(dir string, v note.Verifier) {
	d := folder(dir)
	c := openCheckpoint(read(filepath.Join(dir, "checkpoint")), v)
	hashes := tlog.TileHashReader(c.tree, d)
	for n := int64(0); n*256 < c.tree.N; n++ {
		for i, entry := range bundle(d, n, c.tree.N) {
			id := n*256 + int64(i)
			p, err := tlog.ProveRecord(c.tree.N, id, hashes)
			check(err, "proving")
			check(tlog.CheckRecord(p, c.tree.N, c.tree.Hash, id, tlog.RecordHash(entry)), fmt.Sprintf("entry %d", id))
		}
	}
	fmt.Printf("%d entries\n", c.tree.N)
}

func verifyConsistent(dir string, v note.Verifier, older []byte) {
	c := openCheckpoint(read(filepath.Join(dir, "checkpoint")), v)
	o := openCheckpoint(older, v)
	if o.tree.N > c.tree.N {
		check(fmt.Errorf("%d records, the older one had %d", c.tree.N, o.tree.N), "size")
	}
	p, err := tlog.ProveTree(c.tree.N, o.tree.N, tlog.TileHashReader(c.tree, folder(dir)))
	check(err, "proving")
	check(tlog.CheckTree(p, c.tree.N, c.tree.Hash, o.tree.N, o.tree.Hash), "consistency")
}

type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, s[i])
	}
	return out, nil
}

func verifyLines(lines []byte, c checkpoint) {
	var s stored
	n := int64(0)
	for ; len(lines) > 0; n++ {
		end := bytes.IndexByte(lines, '\n')
		if end < 0 {
			check(errors.New("no newline at the end"), "lines")
		}
		h, err := tlog.StoredHashes(n, lines[:end], s)
		check(err, "hashing")
		s = append(s, h...)
		lines = lines[end+1:]
	}
	root, err := tlog.TreeHash(n, s)
	check(err, "hashing")
	if n != c.tree.N || root != c.tree.Hash {
		check(fmt.Errorf("%d lines with root %v, not %d with %v", n, root, c.tree.N, c.tree.Hash), "lines")
	}
}

// A seal: signed by the key of the epoch before, it names the next in one line behind the checkpoint's three.
func follow(msg []byte, v note.Verifier, n int) (note.Verifier, int64) {
	opened, err := note.Open(msg, note.VerifierList(v))
	check(err, "seal")
	lines := strings.Split(opened.Text, "\n")
	lead := fmt.Sprintf("epoch %d ", n)
	if len(lines) != 5 || lines[0] != v.Name() || !strings.HasPrefix(lines[3], lead) {
		check(fmt.Errorf("it does not name the key of epoch %d", n), "seal")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "seal")
	next, err := note.NewVerifier(strings.TrimPrefix(lines[3], lead))
	check(err, "seal")
	if next.Name() != v.Name() {
		check(errors.New("a key of another name"), "seal")
	}
	return next, size
}

func verifyEpochs(dir string) {
	v := verifier(filepath.Join(dir, "epochs", "00000000"))
	n := 1
	for ; ; n++ {
		msg, err := os.ReadFile(filepath.Join(dir, "epochs", fmt.Sprintf("%08d", n)))
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		check(err, "reading")
		v, _ = follow(msg, v, n)
	}
	openCheckpoint(read(filepath.Join(dir, "checkpoint")), v)
	fmt.Printf("%d epochs\n", n)
}

// The lines of vantio-ledger(5), RECEIPTS: a record, its disclosures, seals, and a C2SP tlog-proof.
func verifyReceipt(text string, v note.Verifier) {
	head, rest, ok := strings.Cut(text, "c2sp.org/tlog-proof@v1\nindex ")
	line := strings.Split(head, "\n")
	if !ok || len(line) < 4 || line[0] != "vantio-receipt@v1" {
		check(errors.New("not a receipt"), "receipt")
	}
	begin := int64(0)
	for n, seal := range line[3 : len(line)-1] {
		lead := fmt.Sprintf("epoch %d ", n+1)
		msg, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(seal, lead))
		if !strings.HasPrefix(seal, lead) || err != nil {
			check(errors.New("a seal is not where it should be"), "receipt")
		}
		v, begin = follow(msg, v, n+1)
	}
	proof, msg, _ := strings.Cut(rest, "\n\n")
	hashes := strings.Split(proof, "\n")
	index, err := strconv.ParseInt(hashes[0], 10, 64)
	check(err, "index")
	var p tlog.RecordProof
	for _, h := range hashes[1:] {
		hash, err := tlog.ParseHash(h)
		check(err, "proof")
		p = append(p, hash)
	}
	c := openCheckpointOrSeal([]byte(msg), v)
	if index < begin {
		check(errors.New("older than the epoch whose key signs"), "receipt")
	}
	check(tlog.CheckRecord(p, c.tree.N, c.tree.Hash, index, tlog.RecordHash([]byte(line[1]))), "inclusion")
	var list []string
	for _, d := range strings.Split(strings.Trim(line[2], "[]"), ",") {
		if d = strings.Trim(d, `"`); d != "" {
			list = append(list, d)
		}
	}
	for _, d := range list {
		sum := sha256.Sum256([]byte(d))
		if !strings.Contains(line[1], `"`+base64.RawURLEncoding.EncodeToString(sum[:])+`"`) {
			check(errors.New("the record does not commit to it"), "disclosure")
		}
	}
	fmt.Printf("leaf %d of %d, %d disclosed\n", index, c.tree.N, len(list))
}

func main() {
	arg := append(os.Args[1:], "", "", "", "")
	switch arg[0] {
	case "checkpoint":
		c := openCheckpoint(read(arg[1]), verifier(arg[2]))
		fmt.Printf("%s %d %v\n", c.origin, c.tree.N, c.tree.Hash)
	case "cosigned":
		_, err := note.Open(read(arg[1]), note.VerifierList(parseWitness(arg[2])))
		check(err, "note")
	case "tiles":
		verifyTiles(arg[1], verifier(arg[2]))
	case "consistent":
		verifyConsistent(arg[1], verifier(arg[2]), read(arg[3]))
	case "lines":
		verifyLines(read(arg[1]), openCheckpoint(read(arg[2]), verifier(arg[3])))
	case "receipt":
		verifyReceipt(string(read(arg[1])), verifier(arg[2]))
	case "epochs":
		verifyEpochs(arg[1])
	case "generate":
		skey, vkey, err := note.GenerateKey(rand.Reader, arg[1])
		check(err, "generating")
		fmt.Printf("%s\n%s\n", skey, vkey)
	default:
		check(errors.New("see the head of verify.go"), "usage")
	}
}
