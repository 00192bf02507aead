"""The picture on the review page: window, heat map and zoom."""

from __future__ import annotations

import base64
import io

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import get_colorscale, sample_colorscale
from scipy.ndimage import binary_erosion

from triage.domain import Placement
from triage.inference.preprocess import place
from triage.inference.views import outlined

#: Colour of the tumour's edge.
EDGE = (64, 224, 255, 255)
COLOUR_MAPS = ("Inferno", "Turbo", "Viridis", "Hot", "Jet")


def window(pixels: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    """Map the gray values between two percentiles of the slice to 0..255.

    Parameters
    ----------
    pixels
        ``(height, width)``, any depth.
    low, high
        Percentiles, 0 to 100.
    """
    gray = pixels.astype(np.float32)
    bottom, top = np.percentile(gray, [low, high])
    scaled: NDArray[np.float32] = np.clip((gray - bottom) * (255 / max(top - bottom, 1e-6)), 0, 255)
    return scaled.astype(np.uint8)


def heat(
    values: NDArray[np.float32], placement: Placement, shape: tuple[int, int], colour_map: str, opacity: float
) -> Image.Image:
    """Return a heat map as a transparent RGBA picture over the slice.

    Only positive evidence is shown, as in Grad-CAM: the strongest point has `opacity`, zero is transparent.

    Parameters
    ----------
    values
        ``(rows, columns)`` heat map over the view of the network.
    placement
        Position of that view on the slice.
    shape
        ``(height, width)`` of the slice.
    colour_map
        One of `COLOUR_MAPS`.
    opacity
        0 to 1.
    """
    evidence = np.maximum(place(np.maximum(values, 0), placement, shape), 0)
    evidence = evidence / max(float(evidence.max()), 1e-6)
    rgba = np.empty((*shape, 4), np.uint8)
    rgba[..., :3] = _table(colour_map)[(evidence * 255).astype(np.uint8)]
    rgba[..., 3] = (255 * opacity * np.sqrt(evidence)).astype(np.uint8)
    return Image.fromarray(rgba)


def outline(mask: NDArray[np.float32], placement: Placement, shape: tuple[int, int]) -> Image.Image:
    """Return the edge of a mask as a transparent RGBA picture over the slice.

    Parameters
    ----------
    mask
        ``(rows, columns)`` probability of tumour.
    placement
        Position of the mask on the slice.
    shape
        ``(height, width)`` of the slice.
    """
    inside = outlined(place(mask, placement, shape))
    width = max(1, round(min(shape) / 256))
    edge = inside & ~binary_erosion(inside, iterations=width)
    rgba = np.zeros((*shape, 4), np.uint8)
    rgba[edge] = EDGE
    return Image.fromarray(rgba)


def picture(
    gray: NDArray[np.uint8], overlay: Image.Image | None, spacing: tuple[float, float] | None = None, *, key: str
) -> go.Figure:
    """Return the slice with its overlay as a figure; the wheel zooms, dragging pans.

    Parameters
    ----------
    gray
        ``(height, width)`` uint8.
    overlay
        RGBA of the same size, or None.
    spacing
        Millimetres between rows and between columns, so that proportions are kept. None for square pixels.
    key
        While it stays the same, changes of slice, window and overlay keep zoom and pan.
    """
    image = Image.fromarray(gray)
    down, along = spacing or (1.0, 1.0)
    height, width = gray.shape[0] * down / along, float(gray.shape[1])
    if overlay is not None:
        image = Image.alpha_composite(image.convert("RGBA"), overlay).convert("RGB")
    # Without a trace, Plotly draws no axes, and without axes nothing can be zoomed.
    figure = go.Figure(go.Scatter(x=[0, width], y=[0, height], mode="markers", marker_opacity=0, hoverinfo="skip"))
    figure.add_layout_image(
        source=_data_url(image),
        xref="x",
        yref="y",
        x=0,
        y=0,
        sizex=width,
        sizey=height,
        sizing="stretch",
        layer="below",
    )
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="black",
        plot_bgcolor="black",
        dragmode="pan",
        uirevision=key,
        showlegend=False,
        xaxis={"visible": False, "range": [0, width], "constrain": "domain"},
        yaxis={"visible": False, "range": [height, 0], "scaleanchor": "x", "constrain": "domain"},
    )
    return figure


def _table(colour_map: str) -> NDArray[np.uint8]:
    colours = sample_colorscale(get_colorscale(colour_map), np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return (np.array(colours) * 255).astype(np.uint8)


def _data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
