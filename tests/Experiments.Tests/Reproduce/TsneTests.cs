using System.Text.Json;
using MappingNets.Experiments.Reporting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>t-SNE against values from scikit-learn, which tests/golden/tsne.py wrote, and what its embedding must do.</summary>
public sealed class TsneTests
{
    private static readonly JsonElement[] Cases = [.. Read().GetProperty("cases").EnumerateArray()];

    private static JsonElement Read() =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "tests", "golden", "tsne.json"))).RootElement;

    private static double[][] Rows(JsonElement matrix) =>
        [.. matrix.EnumerateArray().Select(row => row.EnumerateArray().Select(number => number.GetDouble()).ToArray())];

    private static double[,] Square(double[][] rows)
    {
        var square = new double[rows.Length, rows.Length];
        for (var i = 0; i < rows.Length; i++)
            for (var j = 0; j < rows.Length; j++)
                square[i, j] = rows[i][j];
        return square;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Affinities_are_those_of_scikit_learn(int index)
    {
        var golden = Cases[index];
        var expected = Rows(golden.GetProperty("affinities"));

        var actual = Tsne.Affinities(Tsne.SquaredDistances(Rows(golden.GetProperty("points"))), golden.GetProperty("perplexity").GetDouble());

        var total = 0.0;
        for (var i = 0; i < expected.Length; i++)
            for (var j = 0; j < expected.Length; j++)
            {
                total += actual[i, j];
                // scikit-learn's bisection stops early, and no affinity of its is below 2^-52.
                Assert.InRange(actual[i, j], expected[i][j] * (1 - 2e-4) - 1e-12, expected[i][j] * (1 + 2e-4) + 1e-12);
            }

        Assert.Equal(1, total, 12);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Divergence_and_gradient_at_given_places_are_those_of_scikit_learn(int index)
    {
        var golden = Cases[index];
        var affinities = Square(Rows(golden.GetProperty("affinities")));
        foreach (var embedding in golden.GetProperty("embeddings").EnumerateArray())
        {
            var places = Rows(embedding.GetProperty("places")).Select(place => (place[0], place[1])).ToArray();

            var fit = Tsne.Compare(affinities, places);

            Assert.Equal(embedding.GetProperty("divergence").GetDouble(), fit.Divergence, 9);
            foreach (var (expected, actual) in Rows(embedding.GetProperty("gradient")).Zip(fit.Gradient))
            {
                Assert.Equal(expected[0], actual.X, 9);
                Assert.Equal(expected[1], actual.Y, 9);
            }
        }
    }

    [Fact]
    public void An_embedding_keeps_two_groups_apart_and_ends_where_it_fits_better()
    {
        var points = Enumerable.Range(0, 24).Select(index => new[]
        {
            (index < 12 ? 0.0 : 50) + Math.Sin(index), Math.Cos(3 * index), Math.Sin(7 * index),
        }).ToArray();
        var affinities = Tsne.Affinities(Tsne.SquaredDistances(points), 5);
        var start = points.Select(point => (point[1], point[2])).ToArray();

        var (places, divergence) = Tsne.Embed(affinities, start);

        Assert.True(divergence < Tsne.Compare(affinities, start).Divergence);
        var (again, _) = Tsne.Embed(affinities, start);
        Assert.Equal(places, again);
        for (var index = 0; index < places.Length; index++)
        {
            var own = places[index];
            var nearest = Enumerable.Range(0, places.Length).Where(other => other != index).MinBy(other =>
                Math.Pow(own.X - places[other].X, 2) + Math.Pow(own.Y - places[other].Y, 2));
            Assert.Equal(index < 12, nearest < 12);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(23)]
    [InlineData(double.NaN)]
    public void A_perplexity_out_of_range_is_refused(double perplexity) =>
        Assert.Throws<ArgumentOutOfRangeException>("perplexity", () => Tsne.Affinities(new double[24, 24], perplexity));
}
