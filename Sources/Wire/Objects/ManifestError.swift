/// What is wrong with a manifest's bytes.
package enum ManifestError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The first byte is not 1.
    case unknownVersion
    /// The bytes end too early.
    case truncated
    /// Bytes follow the end.
    case trailingBytes
    /// More than 128 MiB.
    case payloadTooLarge
    /// The number of leaves does not fit the payload's size.
    case leafCount
    /// More than 512 bytes of status.
    case statusTooLarge
    /// It is of another swarm, or of a peer that is not known here.
    case foreign
    /// The signature is not the origin's.
    case signature
    /// Two manifests that do not contradict each other, or not in the order of their identifiers.
    case noProof

    package var description: String {
        switch self {
        case .unknownVersion: "the manifest has an unknown version: the peer that made it runs another release"
        case .truncated: "the manifest ends too early"
        case .trailingBytes: "bytes follow the manifest's end"
        case .payloadTooLarge: "the manifest's payload is larger than 128 MiB"
        case .leafCount: "the manifest's number of leaves does not fit its payload's size"
        case .statusTooLarge: "the manifest's status is larger than 512 bytes"
        case .foreign: "the manifest is of another swarm or of an unknown peer"
        case .signature: "the manifest's signature is not its origin's"
        case .noProof: "the two manifests do not contradict each other"
        }
    }
}
