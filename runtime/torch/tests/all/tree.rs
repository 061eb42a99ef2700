//! Packing sequences into a tree.
//!
//! * one sequence is all trunk, its last token left out
//! * two completions share their prompt; each node sees its ancestors and no other branch
//! * sequences without a common first token have no trunk
//! * a sequence that ends inside the trunk
//! * completions that begin alike share nodes, and a head serves both
//! * nested sharing below the trunk stays in one branch
//! * what a sequence would cost is what it adds

use sport_torch::tree::{Target, Tree, TreeBuilder};

fn tree(sequences: &[(&[u32], &[u32])]) -> Tree {
    let mut builder = TreeBuilder::default();
    for (prompt, completion) in sequences {
        let (before, cost) = (builder.len(), builder.cost(prompt, completion));
        builder.add(prompt, completion);
        assert_eq!(builder.len(), before + cost);
    }
    builder.finish()
}

/// What a node sees, as tokens.
fn seen(tree: &Tree, branch: usize, node: usize) -> Vec<i64> {
    let range = &tree.branches[branch];
    let width = tree.trunk + range.len();
    let sees = tree.sees(range);
    let row = &sees[(node - range.start) * width..(node - range.start + 1) * width];
    let columns = (0..tree.trunk).chain(range.clone());
    columns.zip(row).filter(|(_, sees)| **sees).map(|(node, _)| tree.tokens[node]).collect()
}

#[test]
fn one_sequence_is_all_trunk() {
    let tree = tree(&[(&[1, 2], &[3, 4])]);
    assert_eq!(tree.tokens, [1, 2, 3]);
    assert_eq!(tree.depths, [0, 1, 2]);
    assert_eq!((tree.trunk, tree.branches.len()), (3, 0));
    assert_eq!(tree.heads, [1, 2]);
    let target = |head, token| Target { head, token, sequence: 0 };
    assert_eq!(tree.targets, [target(0, 3), target(1, 4)]);
}

#[test]
fn two_completions_share_their_prompt() {
    let tree = tree(&[(&[1, 2], &[3, 4, 5]), (&[1, 2], &[6, 7, 8])]);
    assert_eq!(tree.tokens, [1, 2, 3, 4, 6, 7]);
    assert_eq!(tree.depths, [0, 1, 2, 3, 2, 3]);
    assert_eq!(tree.trunk, 2);
    assert_eq!(tree.branches, [2..4, 4..6]);
    assert_eq!(seen(&tree, 0, 3), [1, 2, 3, 4]);
    assert_eq!(seen(&tree, 1, 4), [1, 2, 6]);
    assert_eq!(seen(&tree, 1, 5), [1, 2, 6, 7]);
    // The prompt's last token predicts the first of both.
    assert_eq!(tree.targets[0].head, tree.targets[3].head);
}

#[test]
fn nothing_in_common() {
    let tree = tree(&[(&[1, 2], &[3]), (&[4], &[5, 6])]);
    assert_eq!((tree.trunk, tree.branches.clone()), (0, vec![0..2, 2..4]));
    assert_eq!(seen(&tree, 1, 3), [4, 5]);
}

#[test]
fn a_sequence_that_ends_in_the_trunk() {
    let tree = tree(&[(&[1, 2], &[3]), (&[1, 2, 3, 4], &[5])]);
    assert_eq!(tree.tokens, [1, 2, 3, 4]);
    assert_eq!((tree.trunk, tree.branches.len()), (4, 0));
    assert_eq!(tree.heads, [1, 3]);
}

#[test]
fn completions_that_begin_alike() {
    let tree = tree(&[(&[1], &[2, 3, 4]), (&[1], &[2, 5, 6])]);
    assert_eq!(tree.tokens, [1, 2, 3, 5]);
    assert_eq!((tree.trunk, tree.branches.clone()), (2, vec![2..3, 3..4]));
    assert_eq!(tree.heads.len(), 4);
    assert_eq!(tree.targets.len(), 6);
}

#[test]
fn nested_sharing_is_one_branch() {
    let tree = tree(&[(&[1, 2, 3], &[4, 9]), (&[1, 7], &[8, 9]), (&[1, 2, 3], &[5, 9])]);
    assert_eq!(tree.tokens, [1, 2, 3, 4, 5, 7, 8]);
    assert_eq!((tree.trunk, tree.branches.clone()), (1, vec![1..5, 5..7]));
    assert_eq!(seen(&tree, 0, 4), [1, 2, 3, 5]);
    assert_eq!(seen(&tree, 1, 6), [1, 7, 8]);
}
