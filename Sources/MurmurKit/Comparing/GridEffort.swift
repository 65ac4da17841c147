package import Foundation

/// When a grid was compared, and what it took. Its figures do not depend on it.
package struct GridEffort: Sendable, Equatable {
    /// When the command was given.
    package var start: Date
    /// Wall time in seconds.
    package var seconds: Double
    /// How many runs were performed; the others were kept from before.
    package var performed: Int

    package init(start: Date, seconds: Double, performed: Int) {
        self.start = start
        self.seconds = seconds
        self.performed = performed
    }
}
