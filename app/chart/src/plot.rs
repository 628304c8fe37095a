//! A rectangle of a sheet with data coordinates: plotters' coordinates and elements, put down
//! without ceremony.

use crate::palette::Ink;
use crate::svg::{Sheet, SvgBackend, UNITS};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, Drawable, PathElement, PointCollection, Polygon, Rectangle, Text};
use plotters::prelude::{Cartesian2d, CoordTranslate, DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, ShapeStyle, TextStyle};
use std::ops::Range;

type Coordinates = Cartesian2d<RangedCoordf64, RangedCoordf64>;

/// Where a plot lies on its sheet, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

/// How text is set.
#[derive(Clone, Copy)]
pub struct Lettering {
    pub ink: Ink,
    /// CSS pixels.
    pub size: i32,
    pub bold: bool,
    pub horizontal: HPos,
    pub vertical: VPos,
}

impl Lettering {
    pub fn new(ink: Ink, size: i32, horizontal: HPos, vertical: VPos) -> Self {
        Lettering {
            ink,
            size,
            bold: false,
            horizontal,
            vertical,
        }
    }

    pub fn bold(self) -> Self {
        Lettering { bold: true, ..self }
    }

    fn style(self) -> TextStyle<'static> {
        let weight = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let font = FontDesc::new(FontFamily::SansSerif, f64::from(self.size * UNITS), weight);
        let position = Pos::new(self.horizontal, self.vertical);
        TextStyle {
            color: self.ink.rgb().to_backend_color(),
            ..TextStyle::from(font)
        }
        .pos(position)
    }
}

/// A stroke of a width in tenths of a CSS pixel.
pub fn stroke(ink: Ink, alpha: f64, width_tenths: u32) -> ShapeStyle {
    ink.rgb().mix(alpha).stroke_width(width_tenths)
}

/// A fill.
pub fn fill(ink: Ink, alpha: f64) -> ShapeStyle {
    ink.rgb().mix(alpha).filled()
}

/// A plot with data coordinates.
pub struct Plot {
    area: DrawingArea<SvgBackend, Coordinates>,
    page: DrawingArea<SvgBackend, Shift>,
}

impl Plot {
    /// Lays data ranges over a frame, y upwards.
    pub fn new(sheet: &Sheet, frame: Frame, x: Range<f64>, y: Range<f64>) -> Self {
        let units = |from: i32, to: i32| from * UNITS..to * UNITS;
        let pixels = (
            units(frame.left, frame.right),
            units(frame.bottom, frame.top),
        );
        let page = sheet.backend().into_drawing_area();
        let area = page.apply_coord_spec(Cartesian2d::new(x, y, pixels));
        Plot { area, page }
    }

    /// The place of a data point, in backend units.
    pub fn place(&self, point: (f64, f64)) -> (i32, i32) {
        self.area.as_coord_spec().translate(&point)
    }

    fn draw<'element, E>(&self, element: &'element E)
    where
        E: Drawable<SvgBackend>,
        &'element E: PointCollection<'element, (f64, f64)>,
    {
        let drawn = self.area.draw(element);
        // The backend writes into memory and has no error, and nobody else holds it meanwhile.
        debug_assert!(drawn.is_ok());
    }

    pub fn line(&self, points: Vec<(f64, f64)>, style: ShapeStyle) {
        self.draw(&PathElement::new(points, style));
    }

    pub fn polygon(&self, points: Vec<(f64, f64)>, style: ShapeStyle) {
        self.draw(&Polygon::new(points, style));
    }

    pub fn rectangle(&self, from: (f64, f64), to: (f64, f64), style: ShapeStyle) {
        self.draw(&Rectangle::new([from, to], style));
    }

    /// A disc or ring of a radius in tenths of a CSS pixel.
    pub fn circle(&self, center: (f64, f64), radius_tenths: i32, style: ShapeStyle) {
        self.draw(&Circle::new(center, radius_tenths, style));
    }

    /// Text at a place in backend units.
    pub fn text(&self, text: &str, place: (i32, i32), lettering: Lettering) {
        let drawn = self.page.draw(&Text::new(text, place, lettering.style()));
        debug_assert!(drawn.is_ok());
    }
}
