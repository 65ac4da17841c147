import Foundation
import Storage
import TestSupport
import Testing

@Suite("Folder lock") struct FolderLockTests {
    private func holder(_ user: String = "murmur tune") -> FolderLock.Holder {
        FolderLock.Holder(
            maker: "murmur tune", user: user, process: 42, host: "lab-3", since: "2026-11-28T10:00:00Z")
    }

    @Test("One process has a folder, and who comes second is told who")
    func exclusive() throws {
        let folder = try TemporaryFolder()
        let path = folder.url.path
        do {
            let lock = try FolderLock(folder: path, for: holder())
            #expect(lock.isExclusive && FolderLock.isHeld(path))
            let error = #expect(throws: FolderLockError.self) { _ = try FolderLock(folder: path, for: holder("other")) }
            #expect(error == .held(folder: path, by: holder()))
            let text = error?.description ?? ""
            #expect(text.contains("`murmur tune`") && text.contains("process 42 on lab-3"), "\(text)")
            #expect(text.contains("2026-11-28T10:00:00Z"), "\(text)")
            withExtendedLifetime(lock) {}
        }
        #expect(!FolderLock.isHeld(path))
        #expect(FolderLock.maker(of: path) == "murmur tune", "the file stays and says who made the folder")
        let text = String(decoding: try ReadableFile.contents(of: "\(path)/\(FolderLock.fileName)"), as: UTF8.self)
        #expect(!text.contains("lab-3") && !text.contains("42"), "and nothing of the machine: \(text)")
        let other = try FolderLock(folder: path, for: holder("other"))
        #expect(FolderLock.holder(of: path)?.user == "other")
        withExtendedLifetime(other) {}
    }

    @Test("A lock ends with its process, however that ends")
    func killed() async throws {
        let folder = try TemporaryFolder()
        let path = folder.url.path
        _ = try FolderLock(folder: path, for: holder())
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["flock", "\(path)/\(FolderLock.fileName)", "sleep", "600"]
        try process.run()
        while process.isRunning, !FolderLock.isHeld(path) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(throws: FolderLockError.self) { _ = try FolderLock(folder: path, for: holder()) }
        // Its child holds the lock too: both go.
        let children =
            (try? String(
                contentsOfFile: "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children",
                encoding: .utf8)) ?? ""
        for child in children.split(separator: " ").compactMap({ Int32($0) }) { kill(child, SIGKILL) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        while FolderLock.isHeld(path) { try await Task.sleep(for: .milliseconds(5)) }
        _ = try FolderLock(folder: path, for: holder())
    }

    @Test("A folder without the file, and one whose file says nothing, can be taken")
    func odd() throws {
        let folder = try TemporaryFolder()
        #expect(FolderLock.holder(of: folder.url.path) == nil && !FolderLock.isHeld(folder.url.path))
        try folder.write(
            "nonsense that is longer than what comes in its place, so that the rest of it would show\n"
                + String(repeating: "x", count: 400), to: FolderLock.fileName)
        #expect(FolderLock.holder(of: folder.url.path) == nil)
        let lock = try FolderLock(folder: folder.url.path, for: holder())
        #expect(FolderLock.holder(of: folder.url.path) == holder())
        withExtendedLifetime(lock) {}
        #expect(throws: FileError.self) { _ = try FolderLock(folder: folder.path("none"), for: holder()) }
    }
}
