package import Foundation

/// A folder that exists for the length of one test.
package struct TemporaryFolder: ~Copyable {
    /// Where it is.
    package let url: URL

    /// Creates a new, empty folder.
    package init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("murmur-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    /// The path of `name` in the folder.
    package func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    /// Writes a text file into the folder.
    package func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: url.appendingPathComponent(name))
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }
}
