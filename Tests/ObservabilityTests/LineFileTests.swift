import Foundation
import Observability
import TestSupport
import Testing

@Suite struct LineFileTests {
    private func lines(_ url: URL) throws -> [Substring] {
        try String(contentsOf: url, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
    }

    @Test func aTornLineIsEnded() throws {
        let folder = try TemporaryFolder()
        try folder.write("whole\nto", to: "log")
        let url = folder.url.appendingPathComponent("log")
        let file = try LineFile(appendingTo: url)
        #expect(file.append(Data("next".utf8)) && file.failure == nil)
        #expect(file.close() == 0)
        #expect(try lines(url) == ["whole", "to", "next", ""])
    }

    /// `/dev/full` is a disk without room.
    @Test func aFullDiskIsSaid() throws {
        let file = try LineFile(appendingTo: URL(fileURLWithPath: "/dev/full"))
        #expect(!file.append(Data("line".utf8)))
        #expect(file.failure != nil)
        #expect(!file.append(Data("line".utf8)), "it is tried again")
        #expect(file.close() == 2, "both lines are missing")
    }
}
