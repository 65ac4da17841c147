import Foundation
import MurmurKit
import Storage
import TestSupport
import Testing

@Suite struct OutputFolderTests {
    @Test(arguments: OutputFolder.allCases) func newAndEmptyFoldersAreTakenAndOwnOnesAgain(kind: OutputFolder) throws {
        let folder = try TemporaryFolder()
        for name in ["new", "deep/er"] { _ = try kind.claim(folder.path(name)) }
        _ = try kind.claim(folder.path("new"))
        // With something in it, it is still this command's, and no other's.
        try folder.write("mine", to: "new/file")
        _ = try kind.claim(folder.path("new"))
        #expect(kind.isOwn(folder.path("new")))
        for other in OutputFolder.allCases where other != kind {
            let failure = #expect(throws: CommandFailure.self) { _ = try other.claim(folder.path("new")) }
            #expect(failure?.description.contains("made by `\(kind.command)`") == true)
        }
        #expect(FolderLock.maker(of: folder.path("new")) == kind.command)
    }

    @Test(arguments: OutputFolder.allCases) func somebodysFolderIsLeftAlone(kind: OutputFolder) throws {
        let folder = try TemporaryFolder()
        try folder.write("{}", to: "adapter_config.json")
        try folder.write("dear", to: "letter.txt")
        let failure = #expect(throws: CommandFailure.self) { _ = try kind.claim(folder.url.path) }
        let text = failure?.description ?? ""
        #expect(text.contains("adapter_config.json, letter.txt") && text.contains("name a new or an empty folder"))
        #expect(!FileManager.default.fileExists(atPath: folder.path(FolderLock.fileName)))
    }

    @Test func foldersOfEarlierVersionsAreKnownByTheirFiles() throws {
        let folder = try TemporaryFolder()
        for (kind, name, content) in [
            (OutputFolder.tune, "state.bin", ""), (.peer, "events.jsonl", ""), (.split, "held-out.jsonl", ""),
            (.run, "topology.yaml", "# Made by `murmur swarm` from a.yaml.\n"), (.simulation, "simulation.json", ""),
        ] {
            try FileManager.default.createDirectory(
                atPath: folder.path("\(kind)"), withIntermediateDirectories: true)
            try folder.write(content, to: "\(kind)/\(name)")
            _ = try kind.claim(folder.path("\(kind)"))
        }
        // A topology file of the user's own makes no run of a folder.
        try FileManager.default.createDirectory(atPath: folder.path("mine"), withIntermediateDirectories: true)
        try folder.write("murmuration: 1\n", to: "mine/topology.yaml")
        #expect(throws: CommandFailure.self) { _ = try OutputFolder.run.claim(folder.path("mine")) }
    }

    @Test func aFolderAtWorkIsNamedWithWhoHasIt() throws {
        let folder = try TemporaryFolder()
        let lock = try OutputFolder.tune.claim(folder.path("a"))
        let failure = #expect(throws: CommandFailure.self) { _ = try OutputFolder.tune.claim(folder.path("a")) }
        let text = failure?.description ?? ""
        #expect(text.contains("`murmur tune` is at work") && text.contains("\(getpid())"), "\(text)")
        withExtendedLifetime(lock) {}
    }

    @Test func whoHasPatienceWaitsForOneThatLeaves() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a")
        var lock: FolderLock? = try OutputFolder.peer.claim(path)
        await #expect(throws: CommandFailure.self) { _ = try await OutputFolder.peer.claim(path, patience: .zero) }
        async let waiting = OutputFolder.peer.claim(path, patience: .seconds(60))
        try await Task.sleep(for: .milliseconds(20))
        withExtendedLifetime(lock) {}
        lock = nil
        #expect(try await waiting.isExclusive)
    }

    @Test func whatCannotBeMadeIsNamed() throws {
        let folder = try TemporaryFolder()
        try folder.write("a file", to: "file")
        for path in ["/proc/none", folder.path("file"), folder.path("file/under")] {
            let failure = #expect(throws: CommandFailure.self) { _ = try OutputFolder.merge.claim(path) }
            #expect(failure?.description.contains("cannot make the folder") == true)
        }
    }
}
