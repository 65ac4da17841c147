import Basics
package import Federation
import Foundation
import Storage

/// The finished runs of a grid on the disk, each in a file of its own that is named by what its figures depend on.
package struct GridStore: Sendable {
    /// Of the files, and of what a run computes: a new number makes runs of before be run again.
    static let format = 1

    private let folder: String

    /// The runs in `folder`, which is made where it is missing.
    package init(_ folder: String) throws {
        self.folder = folder
        do {
            try AtomicFile.createFolder(folder)
        } catch {
            throw CommandFailure("cannot make the folder: \(error)")
        }
    }

    /// Where the run with this fingerprint lies.
    package func path(of fingerprint: SettingsFingerprint) -> String {
        "\(folder)/\(fingerprint.digest.hexadecimal).json"
    }

    /// What the run with this fingerprint gave; nil where it has not been run, or the file is not whole.
    package func outcome(of fingerprint: SettingsFingerprint) -> GridOutcome? {
        guard let data = FileManager.default.contents(atPath: path(of: fingerprint)),
            let json = try? JSONValue.parse(Array(data)), json["settings"] == Self.json(of: fingerprint),
            let outcome = json["outcome"].flatMap({ GridOutcome(json: $0) })
        else { return nil }
        return outcome
    }

    /// Keeps a finished run.
    package func keep(_ outcome: GridOutcome, of fingerprint: SettingsFingerprint) throws {
        let json = JSONValue.object(
            JSONObject([("settings", Self.json(of: fingerprint)), ("outcome", outcome.json)]))
        try AtomicFile.write(json.encoded(indented: true), to: path(of: fingerprint))
    }

    /// How many runs there are.
    package var count: Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).count { $0.hasSuffix(".json") }
    }

    /// Removes all runs.
    package func clear() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".json") {
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    private static func json(of fingerprint: SettingsFingerprint) -> JSONValue {
        .object(JSONObject(fingerprint.entries.map { ($0.key, .text($0.value)) }))
    }
}
