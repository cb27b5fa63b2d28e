"""Frames of log-mel and MFCC features as NumPy and SciPy compute them, by the formulas of librosa 0.10: prints frames.json.

    python3 test/golden/audio/make.py > test/golden/audio/frames.json

SciPy does the window, the transform and the DCT (norm='ortho'); the filters are written from the formula of librosa.filters.mel.
The sound is by formula, so that it need not be in the file: sample n is ((37 n² + 101 n) mod 8191 − 4095) · 7 of 32768.
"""

import json

import numpy as np
import scipy
from scipy.fft import dct, rfft
from scipy.signal import get_window


def mel(hertz, scale):
    hertz = np.asarray(hertz, float)
    if scale == 'htk':
        return 2595 * np.log10(1 + hertz / 700)
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + np.log(np.maximum(hertz, 1) / 1000) * 27 / np.log(6.4))


def hertz(mels, scale):
    if scale == 'htk':
        return 700 * (10 ** (mels / 2595) - 1)
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))


def filters(rate, length, bands, low, high, scale):
    corners = hertz(np.linspace(mel(low, scale), mel(high, scale), bands + 2), scale)
    bins = np.arange(length // 2 + 1) * rate / length
    rows = []
    for left, peak, right in zip(corners, corners[1:], corners[2:]):
        row = np.maximum(0, np.minimum((bins - left) / (peak - left), (right - bins) / (right - peak)))
        rows.append(row * (2 / (right - left) if scale == 'slaney' else 1))
    return np.array(rows)


def frames(rate, frame, hop, bands, coefficients, low, high, scale, floor):
    n = np.arange(frame + 3 * hop, dtype=np.int64)
    samples = ((37 * n * n + 101 * n) % 8191 - 4095) * 7 / 32768
    length = 1 << (frame - 1).bit_length()
    window = get_window('hann', frame, fftbins=True)
    power = np.array([np.abs(rfft(samples[i * hop : i * hop + frame] * window, length)) ** 2 for i in range(4)])
    logs = np.log(np.maximum(power @ filters(rate, length, bands, low, high, scale).T, floor))
    cepstra = dct(logs, type=2, norm='ortho', axis=1)[:, :coefficients]
    return logs, cepstra


cases = [
    dict(rate=8000, frame=200, hop=80, bands=24, coefficients=13, low=20, high=4000, scale='htk', floor=1e-8),
    dict(rate=16000, frame=512, hop=160, bands=20, coefficients=20, low=0, high=7600, scale='slaney', floor=1e-10),
]
made = []
for case in cases:
    logs, cepstra = frames(**case)
    digits = lambda rows: [[round(x, 10) for x in row] for row in rows.tolist()]
    made.append(dict(settings=case, logMel=digits(logs), mfcc=digits(cepstra)))
print(json.dumps(dict(madeBy=f'NumPy {np.__version__}, SciPy {scipy.__version__}', cases=made)))
