import Observability
import Testing

/// Contrast as the Web Content Accessibility Guidelines ask for it: 4.5 for text, 3 for lines and marks.
@Suite struct PaletteTests {
    @Test func contrastIsThatOfTheGuidelines() {
        #expect(abs(Colour(0x000000).contrast(with: Colour(0xffffff)) - 21) < 1e-9)
        #expect(abs(Colour(0x777777).contrast(with: Colour(0xffffff)) - 4.478) < 0.001)
        #expect(Colour(0x0a72b2).css == "#0a72b2")
    }

    @Test(arguments: [Palette.day, Palette.night])
    func textCanBeReadAndLinesSeen(palette: Palette) {
        for ground in [palette.background, palette.surface] {
            for text in [palette.text, palette.muted, palette.link] {
                #expect(text.contrast(with: ground) >= 4.5, "\(text.css) on \(ground.css)")
            }
        }
        for colour in palette.series {
            #expect(colour.contrast(with: palette.background) >= 3, "\(colour.css) on \(palette.background.css)")
        }
        #expect(Set(palette.series).count == palette.series.count)
    }

    @Test func cellsOfHeatMapsCanBeRead() {
        #expect(Palette.diverging.count == 9 && Palette.sequential.count == 5)
        for cell in Palette.diverging {
            #expect(cell.text.contrast(with: cell.fill) >= 4.5, "\(cell.text.css) on \(cell.fill.css)")
        }
        // Darker from the middle to both ends.
        let light = Palette.diverging.map(\.fill.luminance)
        #expect(
            zip(light[0...4], light[1...4]).allSatisfy { $0 < $1 }
                && zip(light[4...], light[5...]).allSatisfy { $0 > $1 })
    }

    /// No style names a colour of its own for text of charts: that is how legends lost theirs.
    @Test func stylesHaveEveryColourOfBothPalettes() {
        let css = Palette.css
        for palette in [Palette.day, .night] {
            for colour in palette.series + [palette.background, palette.text, palette.muted] {
                #expect(css.contains(colour.css))
            }
        }
    }

    @Test func twentyFourLinesHaveStylesOfTheirOwn() {
        #expect(Set((0..<24).map { LineStyle($0) }).count == 24)
    }
}
