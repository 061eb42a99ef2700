//! Token sequences packed into one, with what they share computed once.
//!
//! All sequences of a batch go into a prefix tree; its nodes, in depth-first order, are the packed sequence. A
//! node's position is its depth, and it attends to its ancestors, which are exactly the tokens before it in
//! every sequence that it belongs to: so each token sees what it would see alone, and the numbers are the same.
//!
//! The *trunk* is what all sequences begin with; below it hang the *branches*, each a subtree that lies
//! together. Attention uses this: the trunk is an ordinary causal sequence, and a branch attends to the trunk
//! and to itself, never to another branch, so no time is spent on what a mask would throw away.

use std::collections::HashMap;
use std::ops::Range;

/// A token whose log-probability is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which of [`Tree::heads`] predicts it.
    pub head: usize,
    /// The token.
    pub token: u32,
    /// The sequence it belongs to, in the order of [`TreeBuilder::add`].
    pub sequence: usize,
}

/// Collects sequences.
#[derive(Default)]
pub struct TreeBuilder {
    /// Token, depth and children by node, in the order of insertion.
    nodes: Vec<(u32, usize, Vec<usize>)>,
    roots: Vec<usize>,
    /// Finds a node by its parent (`usize::MAX` for none) and token.
    find: HashMap<(usize, u32), usize>,
    /// Node that predicts, token, sequence.
    targets: Vec<(usize, u32, usize)>,
    sequences: usize,
}

impl TreeBuilder {
    /// Nodes so far.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True before the first sequence.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many nodes a sequence would add.
    pub fn cost(&self, prompt: &[u32], completion: &[u32]) -> usize {
        let (mut parent, mut known) = (usize::MAX, 0);
        let read = prompt.len() + completion.len().saturating_sub(1);
        for token in prompt.iter().chain(completion).take(read) {
            let Some(node) = self.find.get(&(parent, *token)) else { break };
            (parent, known) = (*node, known + 1);
        }
        read - known
    }

    /// Adds a prompt, which must not be empty, and the completion whose log-probabilities are wanted.
    ///
    /// The completion's last token predicts nothing, so it gets no node.
    pub fn add(&mut self, prompt: &[u32], completion: &[u32]) {
        debug_assert!(!prompt.is_empty());
        let sequence = self.sequences;
        self.sequences += 1;
        let mut parent = usize::MAX;
        for (depth, token) in prompt.iter().chain(completion).enumerate() {
            if depth >= prompt.len() {
                self.targets.push((parent, *token, sequence));
            }
            if depth + 1 < prompt.len() + completion.len() {
                parent = self.child(parent, *token, depth);
            }
        }
    }

    fn child(&mut self, parent: usize, token: u32, depth: usize) -> usize {
        if let Some(node) = self.find.get(&(parent, token)) {
            return *node;
        }
        let node = self.nodes.len();
        self.nodes.push((token, depth, Vec::new()));
        self.find.insert((parent, token), node);
        match self.nodes.get_mut(parent) {
            Some((_, _, children)) => children.push(node),
            None => self.roots.push(node),
        }
        node
    }

    /// Puts the nodes in depth-first order.
    pub fn finish(self) -> Tree {
        let mut tree = Tree::default();
        let mut place = vec![0; self.nodes.len()];
        // Children are pushed in reverse, so that the first inserted comes first.
        let mut stack: Vec<(usize, Option<usize>)> =
            self.roots.iter().rev().map(|node| (*node, None)).collect();
        let mut on_trunk = self.roots.len() == 1;
        while let Some((node, parent)) = stack.pop() {
            let (token, depth, children) = &self.nodes[node];
            let index = tree.tokens.len();
            place[node] = index;
            tree.tokens.push(i64::from(*token));
            tree.depths.push(*depth as i64);
            tree.parents.push(parent);
            if on_trunk {
                tree.trunk = index + 1;
            } else if parent.is_none_or(|parent| parent < tree.trunk) {
                tree.branches.push(index..index);
            }
            if let Some(branch) = tree.branches.last_mut() {
                branch.end = index + 1;
            }
            on_trunk &= children.len() == 1;
            stack.extend(children.iter().rev().map(|child| (*child, Some(index))));
        }
        let mut heads = HashMap::new();
        for (node, token, sequence) in self.targets {
            let head = *heads.entry(node).or_insert_with(|| {
                tree.heads.push(place[node] as i64);
                tree.heads.len() - 1
            });
            tree.targets.push(Target { head, token, sequence });
        }
        tree.sequences = self.sequences;
        tree
    }
}

/// Packed sequences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Token of each node.
    pub tokens: Vec<i64>,
    /// Position of each node.
    pub depths: Vec<i64>,
    /// Parent of each node.
    pub parents: Vec<Option<usize>>,
    /// The first so many nodes are what all sequences begin with.
    pub trunk: usize,
    /// The subtrees below the trunk; together with it they are all nodes, in order.
    pub branches: Vec<Range<usize>>,
    /// Nodes whose prediction is wanted.
    pub heads: Vec<i64>,
    /// The tokens that are wanted of them.
    pub targets: Vec<Target>,
    /// How many sequences were added.
    pub sequences: usize,
}

impl Tree {
    /// Nodes.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// True without nodes.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// What a branch's nodes see: a row per node, a column per trunk node and then per node of the branch; true
    /// where the column's node is an ancestor or the node itself.
    pub fn sees(&self, branch: &Range<usize>) -> Vec<bool> {
        let (trunk, width) = (self.trunk, self.trunk + branch.len());
        let mut seen = vec![false; branch.len() * width];
        for node in branch.clone() {
            let row = node - branch.start;
            let (before, from_here) = seen.split_at_mut(row * width);
            let here = &mut from_here[..width];
            match self.parents[node].filter(|parent| *parent >= branch.start) {
                Some(parent) => {
                    let parent_row = parent - branch.start;
                    here.copy_from_slice(&before[parent_row * width..(parent_row + 1) * width]);
                }
                None => here[..trunk].fill(true),
            }
            here[trunk + row] = true;
        }
        seen
    }
}
