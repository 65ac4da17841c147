import Foundation
import Storage
import TestSupport
import Testing

@Suite("Files") struct AtomicFileTests {
    @Test("A file is created, then replaced whole, and nothing else is left")
    func replaces() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("state")
        try AtomicFile.write([1, 2, 3], to: path)
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0) }
        try AtomicFile.write(large, to: path)
        #expect(try ReadableFile.contents(of: path) == large)
        try AtomicFile.write([], to: path)
        #expect(try ReadableFile.contents(of: path).isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["state"])
    }

    @Test("A failure leaves the old file and no other")
    func failures() throws {
        let folder = try TemporaryFolder()
        #expect(throws: FileError.notFound(path: folder.path("none/state"))) {
            try AtomicFile.write([1], to: folder.path("none/state"))
        }
        // A folder stands where the file should go: the rename fails, after the writing.
        try AtomicFile.createFolder(folder.path("taken/inside"))
        #expect(throws: FileError.self) { try AtomicFile.write([1], to: folder.path("taken")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["taken"])
        try AtomicFile.write([1], to: folder.path("file"))
        #expect(throws: FileError.self) { try AtomicFile.createFolder(folder.path("file")) }
    }

    @Test("A full disk is named as such")
    func fullDisk() {
        // /dev/full answers every write with ENOSPC; it is no regular file, so reading it is refused as well.
        #expect(FileError(path: "x", errorNumber: 28) == .diskFull(path: "x"))
        #expect(throws: FileError.notAFile(path: "/dev/full")) { _ = try ReadableFile(path: "/dev/full") }
        #expect(throws: FileError.notAFile(path: "/tmp")) { _ = try ReadableFile(path: "/tmp") }
    }

    @Test("Reads beyond a limit, of missing files and of files that shrank fail")
    func reading() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("file")
        try AtomicFile.write([UInt8](repeating: 7, count: 100), to: path)
        #expect(throws: FileError.self) { _ = try ReadableFile.contents(of: path, limit: 99) }
        #expect(throws: FileError.notFound(path: folder.path("no"))) { _ = try ReadableFile(path: folder.path("no")) }
        let file = try ReadableFile(path: path)
        #expect(try file.bytes(90..<100) == [UInt8](repeating: 7, count: 10))
        let handle = try FileHandle(forWritingTo: folder.url.appendingPathComponent("file"))
        try handle.truncate(atOffset: 50)
        #expect(throws: FileError.cutShort(path: path)) { _ = try file.bytes(0..<100) }
        #expect(throws: FileError.cutShort(path: path)) { _ = try file.floats(0..<100) }
    }
}
