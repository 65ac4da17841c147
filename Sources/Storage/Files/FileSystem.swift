/// What keeping checkpoints asks of a file system. The real one is `LocalFileSystem`; simulations have one that fails.
package protocol FileSystem: Sendable {
    /// Creates a folder and those above it where they do not exist.
    mutating func createFolder(_ folder: String) throws(FileError)
    /// The bytes of a file; nil where there is no file.
    func contents(of path: String) throws(FileError) -> [UInt8]?
    /// Writes a file, in the place of what it held if it was there. On return its content is durable; its name is not
    /// before its folder is synchronised. After an error the file may be there in part.
    mutating func write(_ bytes: [UInt8], to path: String) throws(FileError)
    /// Gives a file a second name, which no file may have.
    mutating func link(_ path: String, as other: String) throws(FileError)
    /// Gives a file another name, in the place of the file that had it.
    mutating func rename(_ path: String, to other: String) throws(FileError)
    /// Removes a name if it is there.
    mutating func remove(_ path: String) throws(FileError)
    /// Makes the names in a folder durable.
    mutating func synchronise(folder: String) throws(FileError)
}
