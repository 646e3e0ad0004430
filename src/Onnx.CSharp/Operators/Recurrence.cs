using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// LSTM and GRU, step by step as ONNX defines them: W (directions, gates x hidden, features), R (directions, gates x hidden, hidden) and
/// B (directions, 2 gates x hidden), gates in the order input, output, forget, cell and update, reset, hidden.
/// </summary>
internal static class Recurrence
{
    public static Tensor[] Lstm(NodeRun run)
    {
        RequirePlain(run, ["Sigmoid", "Tanh", "Tanh"]);
        if (run.Optional(7) is not null)
            throw run.Node.Fault("it has peepholes");
        if (run.Node.Flag("input_forget"))
            throw run.Node.Fault("input_forget is 1");
        return Directions(run, 4, cellInput: 6, (share, state, cell, weights) =>
        {
            var gates = share.add(nn.functional.linear(state, weights.Recurrent)).chunk(4, 1);
            var next = gates[2].sigmoid().mul(cell!).add(gates[0].sigmoid().mul(gates[3].tanh()));
            return (gates[1].sigmoid().mul(next.tanh()), next);
        }, bothBiases: true);
    }

    public static Tensor[] Gru(NodeRun run)
    {
        RequirePlain(run, ["Sigmoid", "Tanh"]);
        var resetAfter = run.Node.Flag("linear_before_reset");
        return Directions(run, 3, cellInput: null, (share, state, _, weights) =>
        {
            var hidden = state.shape[1];
            var given = share.chunk(3, 1);
            var kept = nn.functional.linear(state, weights.Recurrent.narrow(0, 0, 2 * hidden), weights.RecurrentBias?.narrow(0, 0, 2 * hidden)).chunk(2, 1);
            var (update, reset) = (given[0].add(kept[0]).sigmoid(), given[1].add(kept[1]).sigmoid());
            var (last, lastBias) = (weights.Recurrent.narrow(0, 2 * hidden, hidden), weights.RecurrentBias?.narrow(0, 2 * hidden, hidden));
            var memory = resetAfter
                ? reset.mul(nn.functional.linear(state, last, lastBias))
                : nn.functional.linear(reset.mul(state), last, lastBias);
            var fresh = given[2].add(memory).tanh();
            return (fresh.add(update.mul(state.sub(fresh))), null);
        }, bothBiases: false);
    }

    private readonly record struct Weights(Tensor Recurrent, Tensor? RecurrentBias);

    private delegate (Tensor State, Tensor? Cell) Step(Tensor share, Tensor state, Tensor? cell, Weights weights);

    private static Tensor[] Directions(NodeRun run, int gates, int? cellInput, Step step, bool bothBiases)
    {
        var batchFirst = run.Node.Flag("layout");
        var input = batchFirst ? run.Input(0).transpose(0, 1) : run.Input(0);
        var (inputWeight, stateWeight, biases) = (run.Input(1), run.Input(2), run.Optional(3));
        if (input.dim() != 3 || inputWeight.dim() != 3 || stateWeight.dim() != 3)
            throw run.Node.BadInput("its input, W and R must have three dimensions");
        var direction = run.Node.Text("direction", "forward");
        var reversed = direction switch
        {
            "forward" => new[] { false },
            "reverse" => [true],
            "bidirectional" => [false, true],
            _ => throw run.Node.Fault($"the direction is '{direction}'"),
        };
        var (length, batch, hidden) = (input.shape[0], input.shape[1], stateWeight.shape[2]);
        RequireShape("W", inputWeight, [reversed.Length, gates * hidden, input.shape[2]]);
        RequireShape("R", stateWeight, [reversed.Length, gates * hidden, hidden]);
        if (biases is not null)
            RequireShape("B", biases, [reversed.Length, 2 * gates * hidden]);
        if (run.Node.Int("hidden_size", hidden) != hidden)
            throw run.Node.BadInput($"hidden_size is {run.Node.Int("hidden_size", hidden)}; R has {hidden}");
        RequireWholeLengths(run, length);
        run.Bounded([length, batch, gates * hidden]);

        var (outputs, states, cells) = (new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        for (var index = 0; index < reversed.Length; index++)
        {
            var bias = biases?.select(0, index);
            var (inputBias, stateBias) = (bias?.narrow(0, 0, gates * hidden), bias?.narrow(0, gates * hidden, gates * hidden));
            // The inputs' share of all gates at all steps is one product; only the state's share waits for the step before.
            var shares = nn.functional.linear(
                input, inputWeight.select(0, index), bothBiases && inputBias is not null ? inputBias.add(stateBias!) : inputBias!).unbind(0);
            var weights = new Weights(stateWeight.select(0, index), bothBiases ? null : stateBias);
            var state = Start(5, index);
            var cell = cellInput is { } given ? Start(given, index) : null;
            var steps = new Tensor[length];
            for (var time = 0L; time < length; time++)
            {
                var place = reversed[index] ? length - 1 - time : time;
                (state, cell) = step(shares[place], state, cell, weights);
                steps[place] = state;
            }

            outputs.Add(stack(steps, 0));
            states.Add(state);
            if (cell is not null)
                cells.Add(cell);
        }

        // Y (time, directions, batch, hidden), or (batch, time, directions, hidden); states (directions, batch, hidden).
        var all = stack(outputs, 1);
        Tensor[] results = [batchFirst ? all.permute(2, 0, 1, 3) : all, Joined(states), .. cells.Count == 0 ? Array.Empty<Tensor>() : [Joined(cells)]];
        return results;

        Tensor Joined(List<Tensor> parts) => stack(parts, batchFirst ? 1 : 0);

        Tensor Start(int given, int index)
        {
            if (run.Optional(given) is not { } start)
                return zeros(batch, hidden, dtype: input.dtype, device: input.device);
            RequireShape($"input {given + 1}", start, batchFirst ? [batch, reversed.Length, hidden] : [reversed.Length, batch, hidden]);
            return start.select(batchFirst ? 1 : 0, index);
        }

        void RequireShape(string what, Tensor value, long[] shape)
        {
            if (!value.shape.SequenceEqual(shape))
                throw run.Node.BadInput($"{what} has the shape {ShapeText.Of(value.shape)}; {ShapeText.Of(shape)} is needed");
        }
    }

    private static void RequireWholeLengths(NodeRun run, long length)
    {
        if (run.OptionalInts(4) is { } lengths && lengths.Any(each => each != length))
            throw run.Node.Fault("sequences of several lengths in one batch are not understood");
    }

    private static void RequirePlain(NodeRun run, string[] activations)
    {
        if (run.Node.Has("clip") || run.Node.Has("activation_alpha") || run.Node.Has("activation_beta"))
            throw run.Node.Fault("it has clip, activation_alpha or activation_beta");
        if (run.Node.Strings("activations") is { } named && !named.Chunk(activations.Length).All(each => each.SequenceEqual(activations)))
            throw run.Node.Fault($"its activations are {string.Join(", ", named)}; {string.Join(", ", activations)} are understood");
    }
}
