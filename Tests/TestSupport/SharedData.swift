package import Foundation

/// Where the real data for tests lie: public instructions, small trained models, tokenizer vectors.
///
/// They are not part of the project. Tests that need them look in the folder that `MURMUR_TEST_DATA` names, or in
/// `shared/data` beside the checkout, and are reported as skipped where neither exists.
package enum SharedData {
    /// The folder, if there is one.
    package static let folder: URL? = {
        let candidates =
            [ProcessInfo.processInfo.environment["MURMUR_TEST_DATA"].map { URL(fileURLWithPath: $0) }].compactMap { $0 }
            + [projectRoot.deletingLastPathComponent().appendingPathComponent("shared/data")]
        return candidates.first { FileManager.default.fileExists(atPath: $0.path) }
    }()

    /// Whether the folder is there, for `.enabled(if:)`.
    package static var isPresent: Bool { folder != nil }

    /// The project's root folder.
    package static let projectRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}
