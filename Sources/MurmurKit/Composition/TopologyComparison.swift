import Federation
import Foundation
package import SwarmFile

/// In which keys two topology files differ of those that must be the same: what peers find out when they meet, told
/// beforehand.
package struct TopologyComparison: Encodable, Sendable {
    /// A key with both values; nil where a file does not have it.
    package struct Difference: Encodable, Sendable, Hashable {
        package let key: String
        package let here: String?
        package let there: String?
    }

    package let differences: [Difference]

    /// Compares `topology` with another file, or with the copy that a peer keeps in its state: `path` is that file, a peer's
    /// folder, or the state folder in it.
    ///
    /// Model and records are compared when the peers meet: they have to be read for it.
    ///
    /// - Throws: `TopologyError`.
    package init(_ topology: SwarmTopology, against path: String) throws {
        let places = ["", "/topology.yaml", "/state/topology.yaml"].map { path + $0 }
        let file = places.first { place in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) && !isFolder.boolValue
        }
        let other = try SwarmTopology.load(path: file ?? path)
        differences = SettingsFingerprint(topology, baseModelDigest: [])
            .differences(from: SettingsFingerprint(other, baseModelDigest: []))
            .map { Difference(key: $0.key, here: $0.here, there: $0.there) }
    }

    /// What a person is told of the files called `here` and `there`.
    package func text(_ here: String, _ there: String) -> String {
        guard !differences.isEmpty else {
            return
                "\(here) and \(there) say the same of all that must be the same; models and records are compared when "
                + "the peers meet."
        }
        let lines = differences.map { "  \($0.key): \($0.here ?? "none") here, \($0.there ?? "none") there" }
        return (["\(here) and \(there) differ in what must be the same:"] + lines).joined(separator: "\n")
    }
}
