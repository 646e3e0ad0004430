"""Golden values of t-SNE from scikit-learn: affinities of given points, divergence and gradient of given embeddings.

    python3 tests/golden/tsne.py > tests/golden/tsne.json

The tests read the JSON beside this file; they never run Python. Coordinates that t-SNE ends at are chaotic, so none are compared.
The affinities come from scikit-learn's bisection, which stops at an entropy within 1e-5 and reads distances in single precision.
"""

import json

import numpy
import sklearn
from scipy.spatial.distance import squareform
from sklearn.manifold import _t_sne

numbers = numpy.random.default_rng(7)
cases = []
for count, width, perplexity in [(12, 3, 4.0), (30, 8, 9.0)]:
    points = numpy.round(numbers.normal(size=(count, width)), 3)
    distances = ((points[:, None, :] - points[None, :, :]) ** 2).sum(-1)
    affinities = _t_sne._joint_probabilities(distances.astype(numpy.float32), perplexity, 0)
    embeddings = []
    for spread in [0.01, 3.0]:
        places = numpy.round(spread * numbers.normal(size=(count, 2)), 5)
        divergence, gradient = _t_sne._kl_divergence(places.ravel(), affinities, 1, count, 2)
        embeddings.append({
            "places": places.tolist(), "divergence": float(divergence), "gradient": gradient.reshape(count, 2).tolist()})
    cases.append({
        "points": points.tolist(), "perplexity": perplexity, "affinities": squareform(affinities).tolist(), "embeddings": embeddings})

print(json.dumps({"scikit-learn": sklearn.__version__, "cases": cases}))
